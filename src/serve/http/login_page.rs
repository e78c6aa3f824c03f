//! The page on which a browser logs in and out: its texts, its form, and where it leads to afterwards.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::viewer::login_text;
use crate::web::assets::send_form;

/// Most bytes of the address that a login leads to.
const MAX_NEXT_BYTES: usize = 2048;

/// What a server with tokens asks for.
pub const GIVE: &str = "Give one of this server's tokens. Who runs the server has them.";
/// A signature for something else.
pub const INVALID: &str = "the signature is invalid for this address";
/// A signature whose time is over.
pub const EXPIRED: &str = "the signature has expired; ask for a new address";
/// What a server without tokens says.
pub const SIGNED_ONLY: &str = "This server opens by signed addresses alone. Ask who runs it for one.";

/// What the page offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A field for a token.
    LogIn,
    /// A button that ends the session.
    LogOut,
    /// Nothing.
    None,
}

/// An address of this server alone: its path with what follows. Everything else becomes the list of slides, so that nobody can make this
/// server lead a user elsewhere.
pub fn within(next: &str) -> &str {
    let plain = |b: u8| b.is_ascii_graphic() && !b"\"<>\\".contains(&b);
    // After `//`, browsers read the name of another server; `\` is the same to them as `/`.
    let inside = next.starts_with('/') && !next.starts_with("//");
    match inside && next.len() <= MAX_NEXT_BYTES && next.bytes().all(plain) {
        true => next,
        false => "/",
    }
}

/// The page in the language of a request, with what it says and where it leads to, an address that [`within`] has passed. With `again` the browser asks for the same
/// address once more by itself.
pub fn page(
    headers: &HeaderMap,
    status: StatusCode,
    form: Form,
    said: &str,
    next: &str,
    again: bool,
) -> Response {
    let hidden = |own| if form == own { "" } else { " hidden" };
    let refresh = if again { "<meta http-equiv=\"refresh\" content=\"0\">\n" } else { "" };
    let text = login_text(headers)
        .replace("{{refresh}}", refresh)
        .replace("{{said}}", said)
        .replace("{{in}}", hidden(Form::LogIn))
        .replace("{{out}}", hidden(Form::LogOut))
        .replace("{{next}}", &next.replace('&', "&amp;"));
    let mut response = send_form(&text.into());
    *response.status_mut() = status;
    if status == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Bearer realm=\"origami\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_this_server_alone() {
        for inside in ["/", "/viewer/a%20b?x=1&expires=2#x=0.5&y=1", "/compare?slides=a,b", "/a//b", "/it's"]
        {
            assert_eq!(within(inside), inside);
        }
        let long = format!("/{}", "a".repeat(MAX_NEXT_BYTES));
        for outside in [
            "",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "evil.example",
            " /",
            "/\t/evil.example",
            "/\r\nSet-Cookie: a=b",
            "/ä",
            "/\"><script>",
            &long,
        ] {
            assert_eq!(within(outside), "/", "{outside:?}");
        }
    }
}
