//! Tells how far the listing of a dataset is while a request waits for it.

use super::Client;
use super::client::{Reply, segment};
use super::exit::CliError;
use crate::domain::dataset::ListingsUnderWay;
use crate::domain::unit::group_thousands;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

/// How often the server is asked.
const EVERY: Duration = Duration::from_secs(1);

/// Waits for an answer that takes a listing of the dataset; on a terminal the objects found so far are told meanwhile.
///
/// # Errors
/// The request's own.
pub async fn while_counting(
    client: &Client,
    dataset: &str,
    request: impl Future<Output = Result<Reply, CliError>>,
) -> Result<Reply, CliError> {
    if !std::io::stderr().is_terminal() {
        return request.await;
    }
    let mut request = std::pin::pin!(request);
    let mut told = false;
    let answer = loop {
        tokio::select! {
            answer = &mut request => break answer,
            () = tokio::time::sleep(EVERY) => {
                // Only a courtesy: the request itself says what is wrong.
                let path = format!("/api/v1/datasets/{}/listing", segment(dataset));
                let progress = client.get(&path).await.and_then(|reply| reply.typed::<ListingsUnderWay>());
                if let Some(one) = progress.ok().and_then(|all| all.listings.into_iter().next()) {
                    say(&format!("\r\x1b[Klisting: {} objects, {} so far", group_thousands(one.objects.unsigned_abs()), one.size_bytes));
                    told = true;
                }
            }
        }
    };
    if told {
        say("\r\x1b[K");
    }
    answer
}

fn say(text: &str) {
    let mut stderr = std::io::stderr();
    // Whoever closed it does not want to know.
    let _gone = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
