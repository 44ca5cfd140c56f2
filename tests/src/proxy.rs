//! A way to a server of loopback that can be cut in the middle of what is sent.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::thread;

/// Passes connections on. It ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The server's port.
    to: u16,
    /// The bytes that clients may still send until a connection is cut.
    left: AtomicI64,
    cuts: AtomicU64,
    ends: AtomicBool,
}

impl Proxy {
    /// A way to a port of loopback.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let left = AtomicI64::new(i64::MAX);
        let (cuts, ends) = (AtomicU64::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared { to: port, left, cuts, ends });
        let port = listener.local_addr().unwrap().port();
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.ends.load(SeqCst) {
                    return;
                }
                accepting.pass(client);
            }
        });
        Self { port, shared }
    }

    /// The port to connect to in place of the server's.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts the connection whose client has sent the last of so many bytes; the others go on.
    pub fn cut_after(&self, bytes: u32) {
        self.shared.left.store(bytes.into(), SeqCst);
    }

    /// How many connections were cut.
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ends.store(true, SeqCst);
        // Wakes who waits for a connection.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Shared {
    fn pass(self: &Arc<Self>, client: TcpStream) {
        // Where there is no server, the client finds the connection closed.
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.to)) else { return };
        let (mut answers, mut to_client) =
            (server.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || {
            drop(std::io::copy(&mut answers, &mut to_client));
            drop(to_client.shutdown(Shutdown::Both));
        });
        let shared = Arc::clone(self);
        thread::spawn(move || shared.send(client, server));
    }

    fn send(&self, mut client: TcpStream, mut server: TcpStream) {
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = client.read(&mut buffer) {
            let before = self.left.fetch_sub(read as i64, SeqCst);
            if before <= read as i64 {
                self.left.store(i64::MAX, SeqCst);
                self.cuts.fetch_add(1, SeqCst);
                break;
            }
            if server.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        for end in [client, server] {
            drop(end.shutdown(Shutdown::Both));
        }
    }
}
