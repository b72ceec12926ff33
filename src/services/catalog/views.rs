//! Lists that people saved under a name. Everybody who may open the pages sees the same ones.

use super::Catalog;
use crate::adapters::sql::views as rows;
use crate::domain::id::ViewId;
use crate::domain::view::{NewView, View};
use crate::services::{ServiceError, ServiceResult};

/// More than this do not fit above a list.
const VIEWS_MAX: usize = 100;

impl Catalog {
    /// Every saved view, by list and name.
    ///
    /// # Errors
    /// Database faults.
    pub async fn list_views(&self) -> ServiceResult<Vec<View>> {
        let mut conn = self.deps.store.reader().await?;
        Ok(rows::all(&mut conn).await?)
    }

    /// Keeps a view; one of the same list and name is replaced.
    ///
    /// # Errors
    /// `Invalid` for one that cannot be kept, `Conflict` when there are too many.
    pub async fn save_view(&self, new: NewView) -> ServiceResult<View> {
        let new = new
            .checked()
            .map_err(|problem| ServiceError::invalid("bad_view", format!("{problem}. Nothing was saved")))?;
        let mut tx = self.deps.store.write().await?;
        let all = rows::all(&mut tx).await?;
        let known = all.iter().any(|v| v.list == new.list && v.name == new.name);
        if !known && all.len() >= VIEWS_MAX {
            return Err(ServiceError::conflict(
                "too_many_views",
                format!("there are {VIEWS_MAX} saved views already; remove one first. Nothing was saved"),
            ));
        }
        let view = rows::put(&mut tx, &new, self.deps.clock.now()).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// Forgets a view. Nothing else changes.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_view(&self, id: ViewId) -> ServiceResult<()> {
        let mut tx = self.deps.store.write().await?;
        if !rows::delete(&mut tx, id).await? {
            return Err(ServiceError::not_found("view", id));
        }
        tx.commit().await?;
        Ok(())
    }
}
