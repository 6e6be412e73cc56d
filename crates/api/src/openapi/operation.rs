use serde_json::{Map, Value, json};

use super::Access;
use super::refusals::{Refusals, Standing, refer};
use super::schema::reference;
use crate::{ErrorCode, Language};

/// The method of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// It reads.
    Get,
    /// It changes.
    Post,
}

impl Method {
    /// As the document writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
        }
    }

    /// As HTTP writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// What belongs together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// Series that Braze has.
    Series,
    /// Series of our own.
    Extensions,
    /// Lists that connectors ask for.
    Lists,
    /// `users/track` and profiles.
    Users,
    /// The SDKs of Braze.
    BrazeSdk,
    /// The SDKs of Segment and `RudderStack`.
    Segment,
    /// Rows in bulk.
    Bulk,
    /// Workspaces, apps, keys, people.
    Administration,
    /// The server itself.
    Service,
}

impl Group {
    /// Every group, in the order in which it is read.
    pub const ALL: [Self; 9] = [
        Self::Series,
        Self::Extensions,
        Self::Lists,
        Self::Users,
        Self::BrazeSdk,
        Self::Segment,
        Self::Bulk,
        Self::Administration,
        Self::Service,
    ];

    /// Its heading.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Series => "Series",
            Self::Extensions => "More series",
            Self::Lists => "Lists",
            Self::Users => "Users",
            Self::BrazeSdk => "Braze SDK",
            Self::Segment => "Segment and RudderStack",
            Self::Bulk => "Bulk",
            Self::Administration => "Administration",
            Self::Service => "Server",
        }
    }

    /// What it is for.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Series => "Counts by day, as Braze's KPI export API answers them.",
            Self::Extensions => "Any window, growth, stickiness and overlap, in the same shape.",
            Self::Lists => "Always empty; connectors check their connection here.",
            Self::Users => "Activity and profiles in the words of Braze's user API.",
            Self::BrazeSdk => "What Braze's SDKs send when their base URL is this server.",
            Self::Segment => "What the SDKs of Segment and RudderStack send.",
            Self::Bulk => "Rows of activity: who, when, in which app.",
            Self::Administration => {
                "The settings of a workspace, its apps, its keys, its people, and who changed what."
            }
            Self::Service => "Whether the server is well, what it does, and what it can do.",
        }
    }
}

/// One method of one path, as it is described.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The path, as the server matches it.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// Where it belongs.
    pub group: Group,
    pub(super) id: String,
    pub(super) summary: String,
    description: String,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    answers: Map<String, Value>,
    refusals: Vec<ErrorCode>,
    refused: Option<&'static str>,
    standing: Standing,
    language: Language,
}

impl Operation {
    /// A reading operation, open to anybody until told otherwise.
    pub(super) fn get(group: Group, path: &'static str, id: impl Into<String>) -> Self {
        Self::new(Method::Get, group, path, id.into())
    }

    /// A changing operation, open to anybody until told otherwise.
    pub(super) fn post(group: Group, path: &'static str, id: impl Into<String>) -> Self {
        Self::new(Method::Post, group, path, id.into())
    }

    fn new(method: Method, group: Group, path: &'static str, id: String) -> Self {
        Self {
            method,
            path,
            access: Access::Open,
            group,
            id,
            summary: String::new(),
            description: String::new(),
            parameters: Vec::new(),
            body: None,
            answers: Map::new(),
            refusals: Vec::new(),
            refused: None,
            standing: Standing::Untold,
            language: Language::English,
        }
    }

    /// What it does, in a line and in more.
    pub(super) fn says(mut self, summary: &str, description: &str) -> Self {
        summary.clone_into(&mut self.summary);
        description.clone_into(&mut self.description);
        self
    }

    /// Asks for a key, and says what comes of a wrong one.
    pub(super) fn for_whom(mut self, access: Access, standing: Standing) -> Self {
        self.access = access;
        self.standing = standing;
        self.refusals.push(ErrorCode::InvalidApiKey);
        if matches!(access, Access::Key(_) | Access::AnyKey) {
            self.refusals.push(ErrorCode::AccessDenied);
        }
        if standing == Standing::Told {
            self.refusals.push(ErrorCode::RateLimited);
        }
        self.refuses(&[ErrorCode::Internal, ErrorCode::Unavailable])
    }

    /// Its parameters in the query or the headers.
    pub(super) fn takes(mut self, parameters: impl IntoIterator<Item = Value>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Its body: what each `Content-Type` holds. Whatever reads a body has a limit and types it does not read.
    pub(super) fn reads(mut self, content: &[(&str, Value)]) -> Self {
        let content: Map<_, _> = content.iter().map(|(name, media)| ((*name).to_owned(), media.clone())).collect();
        self.body = Some(json!({"required": true, "content": content}));
        self.refuses(&[ErrorCode::InvalidParameter, ErrorCode::BodyTooLarge, ErrorCode::UnsupportedMediaType])
    }

    /// The `Content-Type` does not matter.
    pub(super) fn reads_any_type(mut self) -> Self {
        self.refusals.retain(|code| *code != ErrorCode::UnsupportedMediaType);
        self
    }

    /// No body is as good as one in which there is nothing.
    pub(super) fn reads_nothing_too(mut self) -> Self {
        if let Some(body) = &mut self.body {
            body["required"] = json!(false);
        }
        self
    }

    /// Its body as JSON: a schema of the components, and an example.
    pub(super) fn reads_json(self, schema: &str, example: &Value) -> Self {
        self.reads(&[("application/json", json!({"schema": reference(schema), "example": example}))])
            .refuses(&[ErrorCode::NotJson])
    }

    /// A success: its content by `Content-Type`.
    pub(super) fn answers(mut self, status: u16, description: &str, content: &[(&str, Value)]) -> Self {
        let content: Map<_, _> = content.iter().map(|(name, media)| ((*name).to_owned(), media.clone())).collect();
        let mut answer = json!({"description": description});
        let headers = self.standing.headers();
        if !headers.is_empty() {
            answer["headers"] = Value::Object(headers);
        }
        answer["content"] = Value::Object(content);
        self.answers.insert(status.to_string(), answer);
        self
    }

    /// Its successes may carry this header of the components.
    pub(super) fn carries(mut self, header: &str) -> Self {
        for answer in self.answers.values_mut() {
            answer["headers"][header] = refer(header);
        }
        self
    }

    /// A success in JSON: a schema of the components, and an example.
    pub(super) fn answers_json(self, status: u16, description: &str, schema: &str, example: &Value) -> Self {
        let media = json!({"schema": reference(schema), "example": example});
        self.answers(status, description, &[("application/json", media)])
    }

    /// What else it may refuse with.
    pub(super) fn refuses(mut self, codes: &[ErrorCode]) -> Self {
        self.refusals.extend(codes);
        self
    }

    /// The schema of a 400 that says more than a message does.
    pub(super) fn refuses_with(mut self, schema: &'static str) -> Self {
        self.refused = Some(schema);
        self
    }

    /// The language of its answers.
    pub(super) fn speaks(mut self, language: Language) -> Self {
        self.language = language;
        self
    }

    /// The operation object.
    pub(super) fn describe(&self, refusals: &mut Refusals) -> Value {
        let mut described = json!({
            "tags": [self.group.name()],
            "operationId": self.id,
            "summary": self.summary,
        });
        if !self.description.is_empty() {
            described["description"] = json!(self.description);
        }
        described["security"] = self.access.security();
        if !self.parameters.is_empty() {
            described["parameters"] = json!(self.parameters);
        }
        if let Some(body) = &self.body {
            described["requestBody"] = body.clone();
        }
        let mut answers = self.answers.clone();
        for (status, codes) in by_status(&self.refusals) {
            let refused = self.refused.filter(|_| status == 400);
            let answer = refusals.refer(&codes, self.standing, self.language, refused);
            answers.insert(status.to_string(), answer);
        }
        described["responses"] = Value::Object(answers);
        described
    }
}

/// The codes with their statuses, each once, in the order of the statuses.
fn by_status(codes: &[ErrorCode]) -> Vec<(u16, Vec<ErrorCode>)> {
    let mut all: Vec<(u16, Vec<ErrorCode>)> = Vec::new();
    for code in ErrorCode::ALL.into_iter().filter(|code| codes.contains(code)) {
        match all.iter_mut().find(|(status, _)| *status == code.status()) {
            Some((_, codes)) => codes.push(code),
            None => all.push((code.status(), vec![code])),
        }
    }
    all.sort_by_key(|(status, _)| *status);
    all
}
