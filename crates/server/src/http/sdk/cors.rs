use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};

/// Names that a page may ask to send: more than any SDK has, and no more than a line.
const ASKED_BYTES_MAX: usize = 1024;

/// What a page may send when it does not say.
const USUAL_HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type");

/// How long a browser may remember: it will not for longer than two hours, whatever is said.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("7200");

/// Lets any page read the answer, and when to come again.
pub fn open(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
    response
}

/// Lets any page send what it asked to, with the methods that `options`, the answer so far, allows.
pub fn preflight(options: Response, asked: &HeaderMap) -> Response {
    let mut response = open(options);
    let headers = response.headers_mut();
    let methods = headers.get(header::ALLOW).cloned().unwrap_or(HeaderValue::from_static("OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    let names = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).filter(|names| is_list_of_names(names.as_bytes()));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.cloned().unwrap_or(USUAL_HEADERS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
    response
}

/// Names of headers (RFC 9110 tokens, less the odd ones), parted by commas and spaces.
fn is_list_of_names(list: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte) || b", ".contains(byte);
    (1..=ASKED_BYTES_MAX).contains(&list.len()) && list.iter().all(fits)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn allowed(asked: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_str(asked).unwrap());
        let answer = preflight(Response::new(Body::empty()), &headers);
        answer.headers()[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap().to_owned()
    }

    #[test]
    fn only_names_of_headers_are_repeated() {
        assert_eq!(allowed("x-braze-api-key,AnonymousId, SentAt"), "x-braze-api-key,AnonymousId, SentAt");
        for asked in ["", "*", "a;b", "<script>", "a: b", &"x".repeat(1025)] {
            assert_eq!(allowed(asked), "authorization, content-type", "{asked}");
        }
        assert_eq!(allowed(&"x".repeat(1024)).len(), 1024);
    }
}
