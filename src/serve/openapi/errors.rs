//! Errors that operations share, and headers of answers. Data.

/// A header of answers.
pub struct Header {
    pub name: &'static str,
    /// Whether every answer has it that names it.
    pub always: bool,
    /// What it is.
    pub text: &'static str,
    /// Its form, as JSON Schema.
    pub schema: &'static str,
}

const fn header(name: &'static str, text: &'static str, schema: &'static str) -> Header {
    Header { name, always: true, text, schema }
}

const TEXT: &str = r#"{"type": "string", "minLength": 1}"#;
const PIXELS: &str = r#"{"type": "integer", "minimum": 1}"#;

/// The headers that clients look at.
pub const HEADERS: &[Header] = &[
    header(
        "ETag",
        "The entity tag: names these bytes, of a mark its revision",
        r#"{"type": "string", "pattern": "^\"[0-9a-f]+\"$"}"#,
    ),
    header("Location", "Where it is", TEXT),
    header("WWW-Authenticate", "How a token is given", TEXT),
    header("Allow", "The methods that there are", TEXT),
    header(
        "Content-Range",
        "Which bytes these are, and of how many",
        r#"{"type": "string", "pattern": "^bytes ([0-9]+-[0-9]+|\\*)/[0-9]+$"}"#,
    ),
    Header {
        always: false,
        ..header(
            "Retry-After",
            "Seconds until it is worth trying again",
            r#"{"type": "integer", "minimum": 1}"#,
        )
    },
    header("Origami-Width", "Pixels of the picture across", PIXELS),
    header("Origami-Height", "Pixels of the picture down", PIXELS),
    header("Origami-Family", "A text that the tiles of a family share", TEXT),
];

/// Errors: status, name among the answers of the document, and what it means. The body is JSON that says what is wrong.
pub const ERRORS: &[(&str, &str, &str)] = &[
    ("400", "BadRequest", "The request is malformed, or asks for what makes no sense"),
    ("401", "Unauthorized", "The server asks for a token or a signed address"),
    (
        "403",
        "Forbidden",
        "The signature does not cover this address or has expired, or who asks may see it and not change it",
    ),
    ("404", "NotFound", "It is not there"),
    ("405", "MethodNotAllowed", "The address has other methods"),
    ("406", "NotAcceptable", "None of what there is is what Accept names"),
    ("408", "RequestTimeout", "The body did not arrive in time"),
    ("409", "Conflict", "It has been changed since, or belongs to another slide"),
    ("413", "ContentTooLarge", "The body is too large, or there would be too much to store or to answer"),
    ("415", "UnsupportedMediaType", "The body is not named as JSON"),
    ("416", "RangeNotSatisfiable", "There are no such bytes"),
    ("428", "PreconditionRequired", "If-Match or If-None-Match must say what the change is based on"),
    ("500", "InternalServerError", "What is stored cannot be read; the log of the server says why"),
    ("501", "NotImplemented", "This server does not do that"),
    ("503", "ServiceUnavailable", "There is too much work, or the storage does not answer"),
];

/// The headers that follow from a status. `tagged`: whether it is an answer that may be cached.
pub fn headers_of(status: &str, tagged: bool) -> &'static [&'static str] {
    match status {
        "200" | "304" if tagged => &["ETag"],
        "206" if tagged => &["ETag", "Content-Range"],
        "206" => &["Content-Range"],
        "303" => &["Location"],
        "401" => &["WWW-Authenticate"],
        "405" => &["Allow"],
        "416" => &["Content-Range"],
        "429" | "503" => &["Retry-After"],
        _ => &[],
    }
}
