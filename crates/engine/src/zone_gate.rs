use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use dauphin_model::{WorkspaceIndex, Zone};

/// Keeps changes of zones apart from data: a zone may change until something is submitted, and nothing cut into days of
/// an older zone comes in after. Held for a few instructions only, never while waiting.
pub(crate) struct ZoneGate {
    inner: Mutex<Inner>,
}

struct Inner {
    with_data: HashSet<WorkspaceIndex>,
    /// Names of zones that were changed since the engine was opened.
    changed: HashMap<WorkspaceIndex, String>,
}

impl ZoneGate {
    /// For these workspaces that have data.
    pub fn new(with_data: HashSet<WorkspaceIndex>) -> Self {
        Self { inner: Mutex::new(Inner { with_data, changed: HashMap::new() }) }
    }

    /// Lets data in that was cut into days of `zone` (`None`: of whichever there is); the zone is fixed from now on.
    /// False when the zone is another by now.
    pub fn admit(&self, workspace: WorkspaceIndex, zone: Option<&Zone>) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(zone), Some(changed)) = (zone, inner.changed.get(&workspace))
            && zone.name() != changed
        {
            return false;
        }
        inner.with_data.insert(workspace);
        true
    }

    /// Changes the zone, and says whether it could.
    pub fn change(&self, workspace: WorkspaceIndex, zone: &Zone) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.with_data.contains(&workspace) {
            return false;
        }
        inner.changed.insert(workspace, zone.name().to_owned());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_fixed_by_data_and_data_by_a_zone() {
        let gate = ZoneGate::new(HashSet::from([WorkspaceIndex(9)]));
        let (one, other) = (WorkspaceIndex(0), WorkspaceIndex(1));
        let (utc, paris) = (Zone::utc(), Zone::named("Europe/Paris").unwrap());
        assert!(!gate.change(WorkspaceIndex(9), &paris));
        assert!(gate.change(one, &paris));
        assert!(!gate.admit(one, Some(&utc)));
        // What was refused is no data.
        assert!(gate.change(one, &utc));
        assert!(gate.admit(one, Some(&utc)));
        assert!(!gate.change(one, &paris));
        assert!(gate.change(other, &paris));
        assert!(gate.admit(other, None));
        assert!(!gate.change(other, &utc));
    }
}
