use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, bail};

/// A connection that is kept alive, and the smallest client that can use it.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

const HEAD_END: &[u8] = b"\r\n\r\n";

impl Connection {
    pub fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).context("connect to the server")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a whole request and reads the whole answer: its head and its body. Anything but success is an error.
    pub fn exchange(&mut self, request: &[u8]) -> anyhow::Result<(&[u8], &[u8])> {
        self.stream.write_all(request).context("send a request")?;
        self.received.clear();
        let head_size = loop {
            self.read_some()?;
            if let Some(index) = self.received.windows(HEAD_END.len()).position(|bytes| bytes == HEAD_END) {
                break index + HEAD_END.len();
            }
        };
        let head = std::str::from_utf8(&self.received[..head_size])?;
        if !head.starts_with("HTTP/1.1 2") {
            bail!("the server answers {}", String::from_utf8_lossy(&self.received));
        }
        let size = head_size + content_length(head).context("find the size of an answer")?;
        while self.received.len() < size {
            self.read_some()?;
        }
        Ok(self.received.split_at(head_size))
    }

    fn read_some(&mut self) -> anyhow::Result<()> {
        let mut part = [0; 16 * 1024];
        let size = self.stream.read(&mut part).context("read an answer")?;
        if size == 0 {
            bail!("the server closed the connection");
        }
        self.received.extend_from_slice(&part[..size]);
        Ok(())
    }
}

fn content_length(head: &str) -> Option<usize> {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    let (_, value) = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    value.parse().ok()
}
