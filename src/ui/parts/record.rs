//! The form that records one access by hand: what the command line does with `dim access`.

use super::command::command;
use crate::domain::id::DatasetId;
use leptos::prelude::*;

/// The form.
#[must_use]
pub fn record(id: DatasetId) -> AnyView {
    let line = format!("dim access --dataset-id {id} --op read --size-bytes 8192 --client-lat-ms 11.4");
    view! {
        <section class="card" aria-labelledby="record">
            <div class="card-head"><h2 id="record">"Record an access"</h2></div>
            <div class="card-body">
                <form method="post" action="/api/fn/record-access">
                    <input type="hidden" name="dataset_id" value=id.to_string()/>
                    <div class="form-grid tight">
                        <div class="field"><label for="acc-op">"What"</label><select id="acc-op" name="op"><option value="read">"Read"</option><option value="write">"Write"</option></select></div>
                        <div class="field"><label for="acc-size">"Bytes"</label><input id="acc-size" name="size_bytes" type="number" min="0" step="1" value="8192" required/></div>
                        <div class="field"><label for="acc-lat">"First byte, ms"</label><input id="acc-lat" name="client_lat_ms" type="number" min="0" step="0.1" placeholder="optional"/></div>
                        <div><button type="submit" data-testid="record-access">"Record"</button></div>
                    </div>
                </form>
                {command(line)}
            </div>
        </section>
    }
    .into_any()
}
