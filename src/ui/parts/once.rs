//! What a page of the server's asks for: once, while it is drawn, and nothing of it is sent along for a script.
//!
//! Invariant: drawn as `load.rs` draws, so that a page says the same when something cannot be had.

use super::load::{Held, error_card};
use crate::api::ApiError;
use futures::StreamExt;
use leptos::prelude::*;
use leptos::tachys::html::InertElement;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

type Ask<T> = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<T, ApiError>> + Send>> + Send + Sync>;

/// Where a page's data comes from.
pub struct Once<T: Send + Sync + 'static>(StoredValue<Ask<T>>);

impl<T: Send + Sync + 'static> Clone for Once<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Once<T> {}

impl<T: Send + Sync + 'static> Once<T> {
    /// Fetches by the key that the address gives.
    pub fn new<K, Fut>(
        key: impl Fn() -> K + Copy + Send + Sync + 'static,
        fetch: impl Fn(K) -> Fut + Copy + Send + Sync + 'static,
    ) -> Self
    where
        K: 'static,
        Fut: Future<Output = Result<T, ApiError>> + Send + 'static,
    {
        Self(StoredValue::new(Box::new(move || Box::pin(fetch(untrack(key))))))
    }

    /// Draws what came, or why nothing did.
    pub fn draw(self, draw: impl Fn(Held<T>) -> AnyView + Send + 'static) -> AnyView {
        self.draw_or(draw, |error| error_card(&error))
    }

    /// Draws what came, or something else instead.
    pub fn draw_or(
        self,
        draw: impl Fn(Held<T>) -> AnyView + Send + 'static,
        failed: impl Fn(ApiError) -> AnyView + Send + 'static,
    ) -> AnyView {
        let answer = self.0.with_value(|ask| ask());
        hold_owners();
        Suspend::new(async move {
            its_turn().await;
            let view = match answer.await {
                Ok(value) => draw(Held::fixed(value)),
                Err(error) => failed(error),
            };
            // Written here, where the view's own questions (which page, which dataset) find their answers.
            let html: String = view.to_html_stream_in_order().collect().await;
            InertElement::new(html)
        })
        .into_any()
    }
}

/// Waits for the turn of what is drawn. All parts of a page are asked once whether they are there already, and then one after another: one
/// that had taken a connection of the database at the first question would hold it while an earlier one waits for one, and enough
/// pages at once would wait for ever.
async fn its_turn() {
    let mut asked = false;
    std::future::poll_fn(move |context| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Keeps the owners of what is drawn until the page has been sent. The router lets go of a route's owners before its page has come, and
/// what is drawn then still asks them where it is.
fn hold_owners() {
    let mut owners: Vec<Owner> = std::iter::successors(Owner::current(), Owner::parent).collect();
    if let Some(root) = owners.pop() {
        root.with(|| on_cleanup(move || drop(owners)));
    }
}
