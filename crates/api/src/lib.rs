//! The HTTP contract as values: routes, query parameters, answers and errors, in the words of Braze's KPI exports.
//!
//! Never knows: sockets, storage, clocks.
//!
//! A request goes through in four steps: [`Route::from_path`], [`SeriesParameters::read`], whatever counts the
//! points, and [`Points::write`]; every refusal on the way is an [`ApiError`].

mod language;
mod route;

mod format;
mod parameters;
mod query;

mod points;

mod error;

pub mod openapi;

pub use error::{ApiError, ErrorCode};
pub use format::Format;
pub use language::Language;
pub use parameters::SeriesParameters;
pub use points::{Column, Group, Points, Strip, Times, Values, Zeros};
pub use query::{Given, Parameter, QueryString, api_key};
pub use route::{ListRoute, Route};
