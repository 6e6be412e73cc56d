use http::Method;

/// The methods that a path takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Methods {
    /// There is something to read.
    Read,
    /// Something is taken.
    Write,
    /// Both.
    ReadWrite,
}

impl Methods {
    /// As the header `Allow` has them.
    pub const fn allow(self) -> &'static str {
        match self {
            Self::Read => "GET, HEAD, OPTIONS",
            Self::Write => "POST, OPTIONS",
            Self::ReadWrite => "GET, HEAD, POST, OPTIONS",
        }
    }

    /// Whether the method is one of them.
    pub fn contain(self, method: &Method) -> bool {
        match *method {
            Method::GET | Method::HEAD => self != Self::Write,
            Method::POST => self != Self::Read,
            Method::OPTIONS => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_path_takes_is_what_it_says() {
        for methods in [Methods::Read, Methods::Write, Methods::ReadWrite] {
            for method in ["GET", "HEAD", "POST", "OPTIONS", "PUT", "GE", "get"] {
                let said = methods.allow().split(", ").any(|allowed| allowed == method);
                assert_eq!(methods.contain(&method.parse().unwrap()), said, "{method} {methods:?}");
            }
        }
    }
}
