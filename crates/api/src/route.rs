use dauphin_model::limits::MONTH_DAYS;

use crate::Language;

/// A route that answers a series.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Route {
    /// Users active on the day.
    Dau,
    /// Users active in the 30 days up to and including the day.
    Mau,
    /// Users whose first activity ever is that day.
    NewUsers,
    /// Users active in a window of any width.
    ActiveUsers,
    /// Where the change of a window's active users comes from.
    Growth,
    /// What share of a window's active users came on the day.
    Stickiness,
    /// Users who removed an app on the day.
    Uninstalls,
    /// Sessions that began on the day, or in the hour.
    Sessions,
    /// Why the apps do not add up to the workspace.
    Overlap,
    /// `Dau`, as the French page has it.
    FrenchDau,
    /// `Mau`, as the French page has it.
    FrenchMau,
}

impl Route {
    /// Every series route.
    pub const ALL: [Self; 11] = [
        Self::Dau,
        Self::Mau,
        Self::NewUsers,
        Self::ActiveUsers,
        Self::Growth,
        Self::Stickiness,
        Self::Uninstalls,
        Self::Sessions,
        Self::Overlap,
        Self::FrenchDau,
        Self::FrenchMau,
    ];

    /// The path, without a trailing slash.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Dau => "/kpi/dau/data_series",
            Self::Mau => "/kpi/mau/data_series",
            Self::NewUsers => "/kpi/new_users/data_series",
            Self::ActiveUsers => "/kpi/active_users/data_series",
            Self::Growth => "/kpi/growth/data_series",
            Self::Stickiness => "/kpi/stickiness/data_series",
            Self::Uninstalls => "/kpi/uninstalls/data_series",
            Self::Sessions => "/sessions/data_series",
            Self::Overlap => "/kpi/overlap/data_series",
            Self::FrenchDau => "/fr/kpi/dau/data_series",
            Self::FrenchMau => "/fr/kpi/mau/data_series",
        }
    }

    /// The route at `path`; one trailing slash makes no difference.
    ///
    /// ```
    /// use dauphin_api::Route;
    /// assert_eq!(Route::from_path("/kpi/dau/data_series/"), Some(Route::Dau));
    /// assert_eq!(Route::from_path("/kpi/dau"), None);
    /// ```
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| same_path(route.path(), path))
    }

    /// What a key must be allowed to do. A French page gives what the English one gives, so it asks for the same.
    pub const fn permission(self) -> &'static str {
        match self {
            Self::Dau | Self::FrenchDau => "kpi.dau.data_series",
            Self::Mau | Self::FrenchMau => "kpi.mau.data_series",
            Self::NewUsers => "kpi.new_users.data_series",
            Self::ActiveUsers => "kpi.active_users.data_series",
            Self::Growth => "kpi.growth.data_series",
            Self::Stickiness => "kpi.stickiness.data_series",
            Self::Uninstalls => "kpi.uninstalls.data_series",
            Self::Sessions => "sessions.data_series",
            Self::Overlap => "kpi.overlap.data_series",
        }
    }

    /// The language of its parameters, answers and refusals.
    pub const fn language(self) -> Language {
        match self {
            Self::FrenchDau | Self::FrenchMau => Language::French,
            Self::Dau
            | Self::Mau
            | Self::NewUsers
            | Self::ActiveUsers
            | Self::Growth
            | Self::Stickiness
            | Self::Uninstalls
            | Self::Sessions
            | Self::Overlap => Language::English,
        }
    }

    /// Whether the client may choose the window; elsewhere `window` is a parameter like any unknown one.
    pub const fn takes_window(self) -> bool {
        match self {
            Self::ActiveUsers | Self::Growth | Self::Stickiness | Self::Overlap => true,
            Self::Dau
            | Self::Mau
            | Self::NewUsers
            | Self::Uninstalls
            | Self::Sessions
            | Self::FrenchDau
            | Self::FrenchMau => false,
        }
    }

    /// Whether a point may be an hour instead of a day; elsewhere `unit` is a parameter like any unknown one.
    pub const fn takes_unit(self) -> bool {
        matches!(self, Self::Sessions)
    }

    /// The window in days where the client names none.
    pub const fn window_default(self) -> u16 {
        match self {
            Self::Dau
            | Self::FrenchDau
            | Self::NewUsers
            | Self::ActiveUsers
            | Self::Uninstalls
            | Self::Sessions
            | Self::Overlap => 1,
            Self::Mau | Self::FrenchMau | Self::Growth | Self::Stickiness => MONTH_DAYS,
        }
    }

    /// The names of the values in each point, in the order of the answer.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Dau | Self::FrenchDau => &["dau"],
            Self::Mau | Self::FrenchMau => &["mau"],
            Self::NewUsers => &["new_users"],
            Self::ActiveUsers => &["active_users"],
            Self::Growth => &["active", "new", "resurrected", "retained", "churned"],
            Self::Stickiness => &["dau", "active", "stickiness"],
            Self::Uninstalls => &["uninstalls"],
            Self::Sessions => &["sessions"],
            Self::Overlap => &["all_apps", "sum_of_apps"],
        }
    }
}

/// A route that answers an empty list: Braze keeps campaigns and the like there, this server has none, and connectors
/// check their connection by asking.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ListRoute {
    /// `/campaigns/list`
    Campaigns,
    /// `/canvas/list`
    Canvases,
    /// `/segments/list`
    Segments,
    /// `/events/list`
    Events,
}

impl ListRoute {
    /// Every list route.
    pub const ALL: [Self; 4] = [Self::Campaigns, Self::Canvases, Self::Segments, Self::Events];

    /// The path, without a trailing slash.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Campaigns => "/campaigns/list",
            Self::Canvases => "/canvas/list",
            Self::Segments => "/segments/list",
            Self::Events => "/events/list",
        }
    }

    /// The route at `path`; one trailing slash makes no difference.
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| same_path(route.path(), path))
    }

    /// What a key must be allowed to do.
    pub const fn permission(self) -> &'static str {
        match self {
            Self::Campaigns => "campaigns.list",
            Self::Canvases => "canvas.list",
            Self::Segments => "segments.list",
            Self::Events => "events.list",
        }
    }

    /// The whole answer.
    pub const fn body(self) -> &'static str {
        match self {
            Self::Campaigns => r#"{"message":"success","campaigns":[]}"#,
            Self::Canvases => r#"{"message":"success","canvases":[]}"#,
            Self::Segments => r#"{"message":"success","segments":[]}"#,
            Self::Events => r#"{"message":"success","events":[]}"#,
        }
    }
}

fn same_path(path: &str, asked: &str) -> bool {
    asked.strip_suffix('/').unwrap_or(asked) == path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_with_and_without_one_trailing_slash() {
        for route in Route::ALL {
            assert_eq!(Route::from_path(route.path()), Some(route));
            assert_eq!(Route::from_path(&format!("{}/", route.path())), Some(route));
            assert_eq!(Route::from_path(&format!("{}//", route.path())), None);
            assert_eq!(Route::from_path(&route.path()[1..]), None);
        }
        for route in ListRoute::ALL {
            assert_eq!(ListRoute::from_path(&format!("{}/", route.path())), Some(route));
        }
    }

    #[test]
    fn a_permission_is_named_like_the_path() {
        for route in Route::ALL {
            let path = route.path().strip_prefix("/fr").unwrap_or(route.path());
            assert_eq!(route.permission(), path[1..].replace('/', "."));
        }
        for route in ListRoute::ALL {
            assert_eq!(route.permission(), route.path()[1..].replace('/', "."));
        }
    }
}
