//! Handlers of axum with their extractors, annotated as they are.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use larder::{cache_read, cache_write};
use serde::{Deserialize, Serialize};

use crate::sqlx::PgPool;
use crate::{is_send, with_cache};

#[derive(Debug, Clone)]
pub(crate) struct AppState {
    pool: PgPool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    text: String,
}

/// `Json` is not `Serialize`, so that the handler keeps its value in process memory.
#[cache_read(key = "note:{id}", layer = "l1", skip(state))]
pub(crate) async fn show(
    State(state): State<AppState>,
    Path(id): Path<u64>,
) -> Result<Json<Note>, StatusCode> {
    let rows = state
        .pool
        .rows()
        .await
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let row = rows.into_iter().find(|(row, _)| *row == id);
    row.map(|(_, text)| Json(Note { text }))
        .ok_or(StatusCode::NOT_FOUND)
}

#[cache_write(tags = ["note:{id}"])]
pub(crate) async fn edit(
    State(state): State<AppState>,
    Path(id): Path<u64>,
    Json(note): Json<Note>,
) -> Result<StatusCode, StatusCode> {
    let updated = state.pool.update(id, &note.text).await;
    updated.map_err(|_| StatusCode::NOT_FOUND)?;
    Ok(StatusCode::NO_CONTENT)
}

/// They are handlers still.
fn router(state: AppState) -> axum::Router {
    let notes = axum::routing::get(show).put(edit);
    axum::Router::new()
        .route("/notes/{id}", notes)
        .with_state(state)
}

#[tokio::test]
async fn a_handler_is_cached_by_what_its_path_says() {
    let pool = PgPool::with(&[(7, "milk")]);
    let state = || State(AppState { pool: pool.clone() });
    drop(router(state().0));
    with_cache(async {
        let Json(note) = is_send(show(state(), Path(7))).await.expect("it is there");
        let Json(again) = show(state(), Path(7)).await.expect("it is there");
        assert_eq!(
            (note.text.as_str(), &again, pool.queries.so_far()),
            ("milk", &note, 1)
        );

        let bread = Json(Note {
            text: "bread".to_owned(),
        });
        let edited = is_send(edit(state(), Path(7), bread)).await;
        assert_eq!(edited, Ok(StatusCode::NO_CONTENT));
        let Json(note) = show(state(), Path(7)).await.expect("it is there");
        assert_eq!((note.text.as_str(), pool.queries.so_far()), ("bread", 2));
        assert_eq!(
            show(state(), Path(8)).await.err(),
            Some(StatusCode::NOT_FOUND)
        );
    })
    .await;
}
