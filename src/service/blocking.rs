//! Calls that wait, off the asynchronous threads.

use std::time::Duration;

use super::lines::Lines;
use super::problem::Problem;
use crate::web::blocking::run;
use crate::web::error::ServeError;

/// Runs a call that reads files or asks the queue off the asynchronous threads, for no longer than `limit`.
pub async fn blocking<T: Send + 'static>(
    limit: Duration,
    call: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    static AWAY: Lines = Lines::new();
    match run(limit, call).await {
        Ok(done) => done,
        Err(ServeError::Away) => {
            let ms = limit.as_millis();
            AWAY.warn(&format_args!("queue, results or slides of jobs do not answer within {ms} ms"));
            Err(Problem::away())
        }
        Err(_) => Err(Problem::failed()),
    }
}
