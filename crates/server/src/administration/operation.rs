use http::Method;

use crate::http::{Counting, Methods};

/// Something that can be asked of, or changed in, a data directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// The workspace and its settings.
    ShowWorkspace,
    /// Other settings.
    SetWorkspace,
    /// Every workspace of the data directory.
    ListWorkspaces,
    /// A new workspace with its first key.
    AddWorkspace,
    /// The apps.
    ListApps,
    /// A new app.
    AddApp,
    /// Another name for an app.
    RenameApp,
    /// Another write key for an app.
    RotateApp,
    /// The keys, without the keys themselves.
    ListKeys,
    /// A new key.
    AddKey,
    /// A key opens nothing from now on.
    RevokeKey,
    /// Who is who, who counts, and why.
    ChangeUser(UserAction),
    /// Who changed what.
    ListAudit,
}

/// What can be asked or changed of a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserAction {
    /// Say what is known of the person. Asked like a change, so that no identity stands in a URL.
    Show,
    /// Forget the person.
    Erase,
    /// Count the person nowhere.
    Exclude,
    /// Count the person again.
    Include,
    /// Two profiles are one person.
    Link,
    /// The profile is a person of its own.
    Unlink,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 18] = [
        Self::ShowWorkspace,
        Self::SetWorkspace,
        Self::ListWorkspaces,
        Self::AddWorkspace,
        Self::ListApps,
        Self::AddApp,
        Self::RenameApp,
        Self::RotateApp,
        Self::ListKeys,
        Self::AddKey,
        Self::RevokeKey,
        Self::ChangeUser(UserAction::Show),
        Self::ChangeUser(UserAction::Erase),
        Self::ChangeUser(UserAction::Exclude),
        Self::ChangeUser(UserAction::Include),
        Self::ChangeUser(UserAction::Link),
        Self::ChangeUser(UserAction::Unlink),
        Self::ListAudit,
    ];

    /// Its path, without a trailing slash.
    pub const fn path(self) -> &'static str {
        match self {
            Self::ShowWorkspace | Self::SetWorkspace => "/admin/workspace",
            Self::ListWorkspaces | Self::AddWorkspace => "/admin/workspaces",
            Self::ListApps | Self::AddApp => "/admin/apps",
            Self::RenameApp => "/admin/apps/rename",
            Self::RotateApp => "/admin/apps/rotate",
            Self::ListKeys | Self::AddKey => "/admin/keys",
            Self::RevokeKey => "/admin/keys/revoke",
            Self::ChangeUser(UserAction::Show) => "/admin/users/show",
            Self::ChangeUser(UserAction::Erase) => "/admin/users/erase",
            Self::ChangeUser(UserAction::Exclude) => "/admin/users/exclude",
            Self::ChangeUser(UserAction::Include) => "/admin/users/include",
            Self::ChangeUser(UserAction::Link) => "/admin/users/link",
            Self::ChangeUser(UserAction::Unlink) => "/admin/users/unlink",
            Self::ListAudit => "/audit",
        }
    }

    /// Whether it changes nothing.
    pub const fn only_reads(self) -> bool {
        matches!(self, Self::ShowWorkspace | Self::ListWorkspaces | Self::ListApps | Self::ListKeys | Self::ListAudit)
    }

    /// Whether it is about the data directory, not one workspace of it.
    pub const fn is_over_workspaces(self) -> bool {
        matches!(self, Self::ListWorkspaces | Self::AddWorkspace)
    }

    /// What a key must be allowed to do.
    pub const fn permission(self) -> &'static str {
        match self {
            Self::ShowWorkspace | Self::SetWorkspace | Self::ListWorkspaces | Self::AddWorkspace => "admin.workspaces",
            Self::ListApps | Self::AddApp | Self::RenameApp | Self::RotateApp => "admin.apps",
            Self::ListKeys | Self::AddKey | Self::RevokeKey => "admin.keys",
            Self::ChangeUser(_) => "admin.users",
            Self::ListAudit => "audit",
        }
    }

    const fn method(self) -> Method {
        if self.only_reads() { Method::GET } else { Method::POST }
    }
}

/// What is at one path: something to read, something to change, or both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AdminPath {
    path: &'static str,
}

impl AdminPath {
    /// What is there, if anything; `path` comes without a trailing slash.
    pub fn at(path: &str) -> Option<Self> {
        Operation::ALL.into_iter().find(|operation| operation.path() == path).map(|found| Self { path: found.path() })
    }

    fn operations(self) -> impl Iterator<Item = Operation> {
        Operation::ALL.into_iter().filter(move |operation| operation.path() == self.path)
    }

    /// What a request with this method asks for.
    pub fn operation(self, method: &Method) -> Option<Operation> {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        self.operations().find(|operation| operation.method() == *method)
    }

    /// What it takes.
    pub fn methods(self) -> Methods {
        match (self.operation(&Method::GET), self.operation(&Method::POST)) {
            (Some(_), Some(_)) => Methods::ReadWrite,
            (Some(_), None) => Methods::Read,
            (None, _) => Methods::Write,
        }
    }

    /// The audit log is read like a series; the rest takes nothing from the hour.
    pub fn counting(self) -> Counting {
        if self.path == Operation::ListAudit.path() { Counting::Counted } else { Counting::Free }
    }

    /// What a key must be allowed to do.
    pub fn permission(self) -> &'static str {
        self.operations().next().map_or("", Operation::permission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_a_method_are_one_operation_and_one_permission() {
        for operation in Operation::ALL {
            let path = AdminPath::at(operation.path()).unwrap();
            assert_eq!(path.operation(&operation.method()), Some(operation));
            assert_eq!(path.permission(), operation.permission());
            assert!(path.methods().contain(&operation.method()));
        }
        assert_eq!(AdminPath::at("/admin"), None);
        assert_eq!(AdminPath::at("/admin/apps").unwrap().operation(&Method::DELETE), None);
        assert_eq!(AdminPath::at("/audit").unwrap().operation(&Method::POST), None);
    }
}
