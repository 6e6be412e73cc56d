use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::PATIENCE;

/// A server's address and a key. Each request has a connection of its own, and its bytes are sent as given.
#[derive(Clone)]
pub struct Http {
    pub url: String,
    pub key: String,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Http {
    pub fn new(url: &str, key: &str) -> Self {
        Self { url: url.to_owned(), key: key.to_owned() }
    }

    /// `host:port`.
    pub fn authority(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.authority()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Asks with the key.
    pub fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[("Authorization", &self.bearer())], b"")
    }

    /// The JSON of an answer that must be 200.
    pub fn get_json(&self, target: &str) -> Value {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        answer.json()
    }

    /// The values of a series under `name`, oldest first.
    pub fn values(&self, target: &str, name: &str) -> Vec<i64> {
        let json = self.get_json(target);
        json["data"].as_array().unwrap().iter().map(|point| point[name].as_i64().unwrap()).collect()
    }

    /// Sends rows as NDJSON to `/ingest` with the key.
    pub fn ingest(&self, body: &str) -> Answer {
        self.ingest_as("application/x-ndjson", "", body.as_bytes())
    }

    /// Sends a body to `/ingest`, with a query such as `?strict=true`.
    pub fn ingest_as(&self, content_type: &str, query: &str, body: &[u8]) -> Answer {
        let headers = [("Authorization", &*self.bearer()), ("Content-Type", content_type)];
        self.send("POST", &format!("/ingest{query}"), &headers, body)
    }

    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }

    pub fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_send(method, target, headers, body).unwrap()
    }

    /// As `send`; an error when the server goes away.
    pub fn try_send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Answer> {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.authority());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut stream = TcpStream::connect(self.authority())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        Answer::read(&mut stream)
    }
}

impl Answer {
    /// Reads to the end of the connection. A reset after the whole answer is an end too: that is how a server stops a
    /// client that still sends.
    pub fn read(stream: &mut TcpStream) -> std::io::Result<Self> {
        let mut bytes = Vec::new();
        let ended = stream.read_to_end(&mut bytes);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            ended?;
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        };
        let head = std::str::from_utf8(&bytes[..end]).expect("headers are ASCII").to_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines.map(|line| line.split_once(": ").unwrap()).collect();
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ok(Self { status, headers, body: bytes[end + 4..].to_vec() })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "`{name}` is there twice");
        first
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}
