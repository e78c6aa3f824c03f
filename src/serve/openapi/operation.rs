//! A method of an address: what it is asked for, what it answers, and which errors.

/// A media type, and the schema of such a body or nothing.
pub type Kind = (&'static str, &'static str);

/// Status, what it means, and what it comes with.
pub type Answer = (&'static str, &'static str, &'static [Kind]);

/// A method of an address.
#[derive(Clone, Copy)]
pub struct Operation {
    pub path: &'static str,
    pub method: &'static str,
    pub summary: &'static str,
    /// Keys of the parameters.
    pub parameters: &'static [&'static str],
    /// The body of the request.
    pub body: Option<Kind>,
    pub answers: &'static [Answer],
    /// Headers of every answer that is no error, besides those that follow from its status.
    pub headers: &'static [&'static str],
    /// Statuses of errors besides 400, which every address may answer, and those of credentials.
    pub errors: &'static [&'static str],
    /// Whether it asks for no credentials.
    pub is_open: bool,
}

/// It is what the client has.
pub const SAME: Answer = ("304", "It is what If-None-Match names", &[]);

/// Errors of what is not there, cannot be read, or cannot be read now.
const OF_A_SLIDE: &[&str] = &["404", "500", "503"];

/// What is asked for by GET about a slide.
pub const fn get(
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    answers: &'static [Answer],
) -> Operation {
    Operation {
        path,
        method: "get",
        summary,
        parameters,
        body: None,
        answers,
        headers: &[],
        errors: OF_A_SLIDE,
        is_open: false,
    }
}

/// The same by another method, with a body.
pub const fn with(method: &'static str, body: Kind, operation: Operation) -> Operation {
    Operation { method, body: Some(body), ..operation }
}

/// The same with errors of its own.
pub const fn failing(errors: &'static [&'static str], operation: Operation) -> Operation {
    Operation { errors, ..operation }
}

/// The same for everybody, with errors of its own.
pub const fn open(errors: &'static [&'static str], operation: Operation) -> Operation {
    Operation { errors, is_open: true, ..operation }
}

/// The same with headers of its own.
pub const fn headed(headers: &'static [&'static str], operation: Operation) -> Operation {
    Operation { headers, ..operation }
}
