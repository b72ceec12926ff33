//! The one connection of a tab: connects, comes back with growing pauses, notices when it is dead, and hands on once a frame.
//!
//! Invariant: at most one socket is open; a message of a socket that was given up is ignored. While the tab is hidden nothing is
//! drawn, and on its return the connection is proved or made again at once.

use super::batch::{Batch, Place};
use super::{Link, Live};
use crate::domain::event::{ClientMessage, LiveMessage, Stream};
use crate::ui::browser;
use leptos::prelude::{GetUntracked, TimeoutHandle, set_timeout, set_timeout_with_handle};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageEvent, WebSocket};

/// First pause after a lost connection; doubled at each failure.
const BACK_OFF_FIRST_MS: u64 = 400;
/// No pause is longer: a visitor who looks at "reconnecting" waits no more than this.
const BACK_OFF_MAX_MS: u64 = 15_000;
/// What was heard is shown this often at most: a reader does not see more, and each time the browser lays the page out anew.
const SHOW_EVERY_MS: f64 = 200.0;
/// How often the connection is proved while the tab is seen. The server's own pings are invisible to a page.
const PROVE_EVERY: Duration = Duration::from_secs(10);
/// An answer later than this means a dead connection.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The same on coming back to the tab, where a person is looking.
const ANSWER_WITHIN_SEEN: Duration = Duration::from_millis(500);

thread_local! {
    static SOCKET: RefCell<Option<Rc<Socket>>> = const { RefCell::new(None) };
}

/// An open socket and the closures it calls.
struct Wire {
    ws: WebSocket,
    _opened: Closure<dyn FnMut()>,
    _closed: Closure<dyn FnMut()>,
    _said: Closure<dyn FnMut(MessageEvent)>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.ws.set_onopen(None);
        self.ws.set_onclose(None);
        self.ws.set_onmessage(None);
        // It may be closed already.
        let _closed = self.ws.close();
    }
}

struct Socket {
    live: Live,
    wire: RefCell<Option<Wire>>,
    place: RefCell<Place>,
    batch: RefCell<Batch>,
    frame_asked: Cell<bool>,
    /// When what was heard was last shown.
    shown_at: Cell<f64>,
    failures: Cell<u32>,
    retry: Cell<Option<TimeoutHandle>>,
    /// Counts what was heard, so that a proof can see whether anything came.
    heard: Cell<u64>,
    /// Counts connections, so that a proof of an earlier one says nothing about this.
    epoch: Cell<u64>,
}

/// Connects, once a tab, and hears of everything after a place in the log.
pub(super) fn start(live: Live, place: Place) {
    if current().is_some() {
        return;
    }
    let socket = Rc::new(Socket {
        live,
        wire: RefCell::new(None),
        place: RefCell::new(place),
        batch: RefCell::default(),
        frame_asked: Cell::new(false),
        shown_at: Cell::new(0.0),
        failures: Cell::new(0),
        retry: Cell::new(None),
        heard: Cell::new(0),
        epoch: Cell::new(0),
    });
    SOCKET.with_borrow_mut(|slot| *slot = Some(socket.clone()));
    let seen = socket.clone();
    browser::on_seen(move || seen.on_seen());
    socket.connect();
    prove_for_ever(socket);
}

/// The visitor holds it.
pub(super) fn pause() {
    if let Some(socket) = current() {
        socket.stop_retry();
        socket.wire.replace(None);
        socket.live.set_link(Link::Paused);
    }
}

/// The visitor lets it go on.
pub(super) fn resume() {
    if let Some(socket) = current() {
        socket.failures.set(0);
        socket.live.set_link(Link::Reconnecting);
        socket.connect();
    }
}

fn current() -> Option<Rc<Socket>> {
    SOCKET.with_borrow(Clone::clone)
}

fn prove_for_ever(socket: Rc<Socket>) {
    set_timeout(
        move || {
            if !browser::is_hidden() {
                socket.prove(ANSWER_WITHIN);
            }
            prove_for_ever(socket);
        },
        PROVE_EVERY,
    );
}

impl Socket {
    fn connect(self: &Rc<Self>) {
        self.stop_retry();
        self.wire.replace(None);
        self.epoch.set(self.epoch.get() + 1);
        let Some(ws) = browser::live_url().and_then(|url| WebSocket::new(&url).ok()) else {
            self.lost();
            return;
        };
        let opened = {
            let socket = self.clone();
            Closure::<dyn FnMut()>::new(move || socket.opened())
        };
        let closed = {
            let socket = self.clone();
            Closure::<dyn FnMut()>::new(move || socket.lost())
        };
        let said = {
            let socket = self.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| socket.hear(&event.data()))
        };
        ws.set_onopen(Some(opened.as_ref().unchecked_ref()));
        ws.set_onclose(Some(closed.as_ref().unchecked_ref()));
        ws.set_onmessage(Some(said.as_ref().unchecked_ref()));
        self.wire.replace(Some(Wire {
            ws,
            _opened: opened,
            _closed: closed,
            _said: said,
        }));
        // An address that swallows packets neither opens nor closes.
        self.prove_after(ANSWER_WITHIN);
    }

    fn opened(self: &Rc<Self>) {
        let Place { log, seq } = self.place.borrow().clone();
        self.send(&ClientMessage::Subscribe {
            stream: Stream::All,
            since: seq,
            log: seq.map(|_| log),
        });
        // A replay may be empty, and an empty replay is silent: the answer to this says that it is over.
        self.send(&ClientMessage::Ping);
    }

    /// The connection is gone, or was never made: tries again after a while.
    fn lost(self: &Rc<Self>) {
        self.wire.replace(None);
        if self
            .live
            .link
            .try_get_untracked()
            .is_none_or(|link| link == Link::Paused)
        {
            return;
        }
        self.live.set_link(Link::Reconnecting);
        let failures = self.failures.get();
        self.failures.set(failures.saturating_add(1));
        let pause = BACK_OFF_FIRST_MS
            .saturating_mul(1 << failures.min(6))
            .min(BACK_OFF_MAX_MS);
        // Between half and the whole of it: clients that were cut together come back apart.
        let pause = pause / 2 + (browser::random() * (pause / 2) as f64) as u64;
        let socket = self.clone();
        self.stop_retry();
        self.retry
            .set(set_timeout_with_handle(move || socket.connect(), Duration::from_millis(pause)).ok());
    }

    fn stop_retry(&self) {
        if let Some(handle) = self.retry.take() {
            handle.clear();
        }
    }

    fn hear(self: &Rc<Self>, data: &JsValue) {
        let Some(text) = data.as_string() else { return };
        // A message of a newer server is not understood; it is left to the pages, which ask for what they show.
        let Ok(message) = serde_json::from_slice::<LiveMessage>(text.as_bytes()) else {
            return;
        };
        self.heard.set(self.heard.get() + 1);
        self.failures.set(0);
        {
            let mut batch = self.batch.borrow_mut();
            batch.take(message, &mut self.place.borrow_mut());
            batch.heard_at = Some(browser::now_unix_secs());
        }
        self.live.set_link(Link::Live);
        if !self.frame_asked.replace(true) {
            let socket = self.clone();
            let show = move || browser::on_next_frame(move || socket.flush());
            let wait = SHOW_EVERY_MS - (browser::monotonic_ms() - self.shown_at.get());
            if wait > 0.0 {
                // Never longer than the whole of it, whatever the clock did.
                set_timeout(show, Duration::from_millis(wait.min(SHOW_EVERY_MS) as u64));
            } else {
                show();
            }
        }
    }

    fn flush(&self) {
        self.frame_asked.set(false);
        self.shown_at.set(browser::monotonic_ms());
        let batch = self.batch.take();
        self.live.apply(batch);
    }

    /// The tab is looked at again.
    fn on_seen(self: &Rc<Self>) {
        self.flush();
        match self.live.link.try_get_untracked() {
            None | Some(Link::Paused) => {}
            Some(Link::Live) => self.prove(ANSWER_WITHIN_SEEN),
            Some(Link::Connecting | Link::Reconnecting) => {
                self.failures.set(0);
                self.connect();
            }
        }
    }

    /// Asks for an answer, and connects again when none comes.
    fn prove(self: &Rc<Self>, within: Duration) {
        let open = self
            .wire
            .borrow()
            .as_ref()
            .is_some_and(|w| w.ws.ready_state() == WebSocket::OPEN);
        if open {
            self.send(&ClientMessage::Ping);
            self.prove_after(within);
        }
    }

    fn prove_after(self: &Rc<Self>, within: Duration) {
        let (socket, before) = (self.clone(), (self.epoch.get(), self.heard.get()));
        set_timeout(
            move || {
                let silent = (socket.epoch.get(), socket.heard.get()) == before;
                if silent && socket.wire.borrow().is_some() {
                    socket.lost();
                }
            },
            within,
        );
    }

    fn send(&self, message: &ClientMessage) {
        if let (Some(wire), Ok(text)) = (self.wire.borrow().as_ref(), serde_json::to_string(message)) {
            // A socket that cannot take it closes by itself, and the close is handled.
            let _sent = wire.ws.send_with_str(&text);
        }
    }
}
