//! The API's answer in `recording/earthquakes.json`, served on this machine: for a first run without
//! network.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};

const RECORDING: &str = include_str!("../recording/earthquakes.json");
const NO_MORE: &str = r#"{"type": "FeatureCollection", "features": []}"#;

/// Serves it until the program ends, and gives its URL.
pub fn serve() -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(&stream));
        }
    });
    Ok(format!("http://{address}"))
}

/// All records are on the first page.
fn answer(mut stream: &TcpStream) -> Result<()> {
    let mut request = String::new();
    let mut lines = BufReader::new(stream);
    lines.read_line(&mut request)?;
    let mut header = String::new();
    while lines.read_line(&mut header)? > 2 {
        header.clear();
    }
    let is_first = ["offset=1&", "offset=1 "].iter().any(|offset| request.contains(offset));
    let body = if is_first { RECORDING } else { NO_MORE };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}
