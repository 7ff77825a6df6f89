//! Why one record cannot be read. It costs that record alone: a reader counts it and goes on.

use evtx::err::EvtxError;

/// See the module. The text is what the table of damage shows.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowError {
    /// The parser's words, in a line.
    #[error("not JSON: {0}")]
    Json(String),
    /// Text of the program's own library of event logs that is not what it makes.
    #[error("not JSON")]
    BrokenJson,
    #[error("a JSON value is not an object")]
    NotAnObject,
    #[error("{language} nested deeper than MAX_DEPTH = {most}")]
    TooDeep { language: &'static str, most: usize },
    #[error("not XML: {0}")]
    Xml(#[source] quick_xml::Error),
    #[error("{0}")]
    Evtx(#[source] Box<EvtxError>),
    #[error("an event has no value")]
    NoValue,
    #[error("a Windows event has no EventCode")]
    NoEventCode,
    #[error("an event has no line Key=value")]
    NoPair,
}

impl From<EvtxError> for RowError {
    fn from(error: EvtxError) -> Self {
        Self::Evtx(Box::new(error)) // many times as large as the others
    }
}

impl From<RowError> for String {
    fn from(error: RowError) -> Self {
        error.to_string()
    }
}
