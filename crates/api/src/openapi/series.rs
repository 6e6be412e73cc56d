use dauphin_model::Cause;
use dauphin_model::limits::{APP_ID_BYTES_MAX, SERIES_LENGTH_MAX, WINDOW_DAYS_MAX};
use serde_json::{Map, Value, json};

use super::access::Access;
use super::operation::{Group, Operation};
use super::refusals::{LAG, Standing};
use super::schema::{
    Named, count, day, described, example, instant, instant_answered, integer, list, object, reference, text, word,
    words,
};
use crate::{ErrorCode, Language, Parameter, Route};

/// Every series route.
pub fn operations() -> Vec<Operation> {
    Series::all().iter().map(Series::operation).collect()
}

/// The answer and the point of every series route.
pub fn schemas() -> Vec<Named> {
    Series::all().iter().flat_map(|series| [series.answer(), series.point()]).chain([changes()]).collect()
}

/// What a series route has to describe.
struct Series {
    name: String,
    path: &'static str,
    permission: &'static str,
    language: Language,
    parameters: Vec<&'static str>,
    window_default: u16,
    columns: Vec<&'static str>,
}

const UNINSTALLS: &str = "/kpi/uninstalls/data_series";
const SESSIONS: &str = "/sessions/data_series";
const OVERLAP: &str = "/kpi/overlap/data_series";

/// The parameters in the order in which they are read; `api_key` is with the security schemes.
const PARAMETERS: [&str; 11] = [
    "length",
    "Longueur",
    "ending_at",
    "finalisation_\u{e0}",
    "app_id",
    "window",
    "unit",
    "as_of",
    "explain",
    "mode",
    "format",
];

impl Series {
    fn all() -> Vec<Self> {
        Route::ALL.into_iter().map(Self::of).collect()
    }

    fn of(route: Route) -> Self {
        let language = route.language();
        let is_known = |name: &&str| Parameter::named(name, route).is_some_and(|known| known.name(language) == *name);
        Self {
            name: format!("{route:?}"),
            path: route.path(),
            permission: route.permission(),
            language,
            parameters: PARAMETERS.into_iter().filter(is_known).collect(),
            window_default: route.window_default(),
            columns: route.columns().to_vec(),
        }
    }

    fn operation(&self) -> Operation {
        let (group, summary, description) = says(self.path);
        let csv = json!({"schema": {"type": "string"}, "example": self.example_csv()});
        let answer = json!({"schema": reference(&self.answer().0), "example": self.example_answer()});
        let id = self.name[..1].to_ascii_lowercase() + &self.name[1..] + "Series";
        Operation::get(group, self.path, id)
            .says(summary, description)
            .speaks(self.language)
            .for_whom(Access::Key(self.permission), Standing::Told)
            .takes(self.parameters.iter().map(|name| self.parameter(name)))
            .answers(
                200,
                "Exactly `length` points, oldest first, without a gap.",
                &[("application/json", answer), ("text/csv", csv)],
            )
            .carries(LAG)
            .refuses(&[ErrorCode::InvalidParameter, ErrorCode::UnknownApp])
    }

    fn parameter(&self, name: &str) -> Value {
        let (mut schema, description) = schema_of(name);
        if name == "window" {
            schema["default"] = json!(self.window_default);
        }
        let is_length = ["length", "Longueur"].contains(&name);
        let mut parameter = json!({"name": name, "in": "query", "required": is_length});
        if !is_length {
            parameter["allowEmptyValue"] = json!(true);
        }
        parameter["description"] = json!(description);
        parameter["schema"] = schema;
        parameter
    }

    fn answer(&self) -> Named {
        let points = list(&reference(&self.point().0), SERIES_LENGTH_MAX.into());
        let members = [(self.language.data_key(), points), ("message", word("success"))];
        (format!("{}Series", self.name), object(&members, &[]))
    }

    fn point(&self) -> Named {
        let time = if self.path == SESSIONS { json!({"anyOf": [day(), instant_answered()]}) } else { day() };
        let mut members = vec![(self.language.time_key(), time)];
        members.extend(self.columns.iter().map(|column| (*column, value(column))));
        if self.path == OVERLAP {
            members
                .push(("apps", described(json!({"type": "object", "additionalProperties": count()}), "By `app_id`.")));
        }
        (format!("{}Point", self.name), object(&members, &[("changes", reference("Changes"))]))
    }

    fn example_answer(&self) -> Value {
        let mut point = Map::from_iter([(self.language.time_key().to_owned(), json!("2018-06-28"))]);
        point.extend(self.columns.iter().map(|column| ((*column).to_owned(), example_value(column))));
        if self.path == OVERLAP {
            point.insert("apps".into(), json!({"shop-web": 80, "shop-ios": 60}));
        }
        json!({self.language.data_key(): [point], "message": "success"})
    }

    fn example_csv(&self) -> String {
        let values: Vec<_> = self.columns.iter().map(|column| example_value(column).to_string()).collect();
        let header = self.columns.join(",");
        format!("{},{header}\n2018-06-28,{}\n", self.language.time_key(), values.join(","))
    }
}

/// Where the series at `path` belongs, and what it counts.
fn says(path: &str) -> (Group, &'static str, &'static str) {
    match path {
        "/kpi/dau/data_series" => (Group::Series, "Daily active users", "Users active on each day."),
        "/kpi/mau/data_series" => (
            Group::Series,
            "Monthly active users",
            "Users active on at least one of the 30 days that end on each day, the day included.",
        ),
        "/kpi/new_users/data_series" => (
            Group::Series,
            "New users",
            "Users whose first activity ever was on each day. Over all apps, a person is new once.",
        ),
        UNINSTALLS => (Group::Series, "Uninstalls", "Users with an uninstall on each day."),
        SESSIONS => (
            Group::Series,
            "Sessions",
            "Sessions started on each day, or in each hour with `unit=hour`. Only starts that a client states count.",
        ),
        "/kpi/active_users/data_series" => (
            Group::Extensions,
            "Active users in any window",
            "Users active on at least one of the `window` days that end on each day. \
             A window of 1 is `/kpi/dau`, one of 7 is weekly, one of 30 is `/kpi/mau`.",
        ),
        "/kpi/growth/data_series" => (
            Group::Extensions,
            "Where growth comes from",
            "Active users of a window and how they came about: `new` on their first activity ever; `resurrected`, counted \
             today, not yesterday, and not new; `retained`, counted on both days; `churned`, counted yesterday, not today. \
             `active` is always the sum of `new`, `resurrected` and `retained`.",
        ),
        "/kpi/stickiness/data_series" => (
            Group::Extensions,
            "Stickiness",
            "Of the users active in a window, the share that was active on the day itself; 0 where nobody was.",
        ),
        OVERLAP => (
            Group::Extensions,
            "Overlap of the apps",
            "Why the apps do not add up: who uses two apps is counted in both, and once in `all_apps`.",
        ),
        "/fr/kpi/dau/data_series" => (
            Group::Series,
            "Utilisateurs actifs quotidiens",
            "`/kpi/dau/data_series` comme la page française la décrit ; les noms anglais des paramètres valent aussi.",
        ),
        "/fr/kpi/mau/data_series" => (
            Group::Series,
            "Utilisateurs actifs mensuels",
            "`/kpi/mau/data_series` comme la page française la décrit ; les noms anglais des paramètres valent aussi.",
        ),
        other => unreachable!("the series `{other}` says nothing of itself"),
    }
}

/// What the parameter holds, and what it means.
fn schema_of(name: &str) -> (Value, &'static str) {
    match name {
        "length" | "Longueur" => (example(integer(1, SERIES_LENGTH_MAX), 7), "How many points."),
        "ending_at" | "finalisation_\u{e0}" => (
            instant(),
            "Where the series ends; now, if not said. The last point is the local day of the last instant before it, \
             so a date alone, or a midnight, ends the day before. At most 48 hours ahead, and then taken as now. \
             The offset only fixes the instant: days are cut in the workspace's zone, which also holds where no offset is.",
        ),
        "app_id" => {
            (app_id(), "The app's API identifier. Absent: all apps of the workspace, each person counted once.")
        }
        "window" => (integer(1, WINDOW_DAYS_MAX), "Width of the window in days; the last of them is the point's own."),
        "unit" => (words(&["day", "hour"]), "Points a day or an hour apart; `day`, if not said."),
        "as_of" => (
            instant(),
            "The series as it stood at the end of that day, in the workspace's zone: what was recorded later is left out.",
        ),
        "explain" => (
            words(&["true", "false", "1", "0"]),
            "Adds to each point how it moved after its own day had ended, by cause.",
        ),
        "mode" => (
            words(&["current", "frozen"]),
            "`frozen`: each point as it stood at the end of its own day, as Braze reports it; not with `as_of` or `explain`.",
        ),
        "format" => (words(&["json", "csv"]), "The form of the answer. `Accept: text/csv` asks for CSV too."),
        other => unreachable!("the parameter `{other}` says nothing of itself"),
    }
}

/// An app of the workspace, by its identifier.
pub fn app_id() -> Value {
    let mut schema = text(APP_ID_BYTES_MAX);
    schema["format"] = json!("app-identifier");
    example(schema, "shop-web")
}

fn value(column: &str) -> Value {
    match column {
        "stickiness" => json!({"type": "number", "minimum": 0, "maximum": 1}),
        _ => count(),
    }
}

fn changes() -> Named {
    let causes: Vec<_> = Cause::ALL.into_iter().map(|cause| (cause.word(), json!({"type": "integer"}))).collect();
    let schema = object(&[], &causes);
    let says = "How a point moved after its own day had ended, by cause; what did not move it is left out. \
        The value as of its day and these make the value.";
    ("Changes".into(), described(schema, says))
}

/// Values that fit together: of 123 active users, 12 are new, 9 came back, 102 stayed.
fn example_value(column: &str) -> Value {
    match column {
        "new" | "new_users" => json!(12),
        "resurrected" => json!(9),
        "retained" => json!(102),
        "churned" => json!(4),
        "stickiness" => json!(0.25),
        "dau" => json!(41),
        "uninstalls" => json!(3),
        "sum_of_apps" => json!(140),
        _ => json!(123),
    }
}
