//! The addresses of jobs, which a server has that takes them. Data. `docs/render-service.md` explains them.

use super::operation::{Answer, Kind, Operation, SAME, failing, get, open, with};

const PROBLEM: &[Kind] = &[("application/json", "JobError")];
const FILE: &[Kind] = &[("video/mp4", ""), ("application/octet-stream", "")];

const WRONG: Answer = ("400", "The request is wrong, and the error says where", PROBLEM);
const NO_TOKEN: Answer = ("401", "The server asks for a token or a signed address", PROBLEM);
const FORBIDDEN: Answer = (
    "403",
    "The signature does not cover this address, has expired or is to change something, or a page of another server has a browser send this",
    PROBLEM,
);
const NO_JOB: Answer = ("404", "There is no such job, or it has no result", PROBLEM);
const CONFLICT: Answer =
    ("409", "The name is that of another job that has not ended, or the job has ended", PROBLEM);
const TOO_LARGE: Answer = ("413", "The body is too large, or what would be kept of it", PROBLEM);
const NO_BYTES: Answer = ("416", "There are no such bytes", PROBLEM);
const FAILED: Answer = ("500", "It failed; the log of the server says why", PROBLEM);
const AWAY: Answer = (
    "503",
    "Queue, results or files do not answer in time, or there are too many jobs or connections, or too much memory is held",
    PROBLEM,
);

const ACCEPTED: &[Answer] = &[
    ("202", "The job is taken", &[("application/json", "JobAccepted")]),
    WRONG,
    NO_TOKEN,
    FORBIDDEN,
    CONFLICT,
    TOO_LARGE,
    FAILED,
    AWAY,
];
const STATUS: &[Answer] = &[
    ("200", "How far it is", &[("application/json", "Job")]),
    WRONG,
    NO_TOKEN,
    FORBIDDEN,
    NO_JOB,
    FAILED,
    AWAY,
];
const RECORD: &[Answer] = &[
    ("200", "The same, with the request as it was sent", &[("application/json", "JobRecord")]),
    WRONG,
    NO_TOKEN,
    FORBIDDEN,
    NO_JOB,
    FAILED,
    AWAY,
];
const CANCELLED: &[Answer] = &[
    ("200", "How far it was", &[("application/json", "Job")]),
    WRONG,
    NO_TOKEN,
    FORBIDDEN,
    NO_JOB,
    CONFLICT,
    FAILED,
    AWAY,
];
const SOCKET: &[Answer] = &[
    ("101", "A WebSocket: texts of the schema Job, at once and with each change", &[]),
    WRONG,
    NO_TOKEN,
    FORBIDDEN,
    NO_JOB,
    FAILED,
    AWAY,
];
const RESULT: &[Answer] = &[
    ("200", "The video or the bundle", FILE),
    ("206", "The part that Range asks for, where If-Range names no other version", FILE),
    SAME,
    WRONG,
    NO_TOKEN,
    FORBIDDEN,
    NO_JOB,
    NO_BYTES,
    FAILED,
    AWAY,
];
const QUEUE: &[Answer] = &[
    ("200", "What waits, what is worked on, what has ended", &[("application/json", "Jobs")]),
    NO_TOKEN,
    FORBIDDEN,
    FAILED,
    AWAY,
];
const CLEARED: &[Answer] =
    &[("200", "How many", &[("application/json", "JobsCleared")]), NO_TOKEN, FORBIDDEN, FAILED, AWAY];
const HEALTH: &[Answer] =
    &[("200", "Load, memory and problems", &[("application/json", "JobsHealth")]), FORBIDDEN, FAILED, AWAY];

const RENDER: Kind = ("application/json", "RenderAsked");
const ENCODE: Kind = ("application/json", "EncodeAsked");
const JOB: &[&str] = &["job_id"];

/// What is asked for by GET. All of its errors but the most general are among the answers: they have a form of their own.
const fn asked(
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    answers: &'static [Answer],
) -> Operation {
    failing(&[], get(path, summary, parameters, answers))
}

/// The same by POST, without a body.
const fn posted(operation: Operation) -> Operation {
    Operation { method: "post", ..operation }
}

/// Every address of jobs but the page of them, which every server has.
pub const ROUTES: &[Operation] = &[
    with("post", RENDER, asked("/render", "Jobs: renders a tour", &[], ACCEPTED)),
    with("post", ENCODE, asked("/encode", "Jobs: encodes a slide", &[], ACCEPTED)),
    asked("/queue/status", "Jobs: the queue", &[], QUEUE),
    open(&[], get("/health", "Jobs: how the service is", &[], HEALTH)),
    asked("/api/render/{job_id}", "Jobs: a job as it was sent", JOB, RECORD),
    asked("/api/render/{job_id}/status", "Jobs: how far a job is", JOB, STATUS),
    asked("/api/render/{job_id}/ws", "Jobs: how far a job is, as a WebSocket", JOB, SOCKET),
    asked("/api/render/{job_id}/result", "Jobs: what a job made", JOB, RESULT),
    posted(asked("/api/render/{job_id}/cancel", "Jobs: ends a job", JOB, CANCELLED)),
    posted(asked("/api/render/queue/clear", "Jobs: cancels all jobs that wait", &[], CLEARED)),
    with("post", RENDER, asked("/api/render/process", "Jobs: an older name of /render", &[], ACCEPTED)),
    asked("/api/render/queue/status", "Jobs: an older name of /queue/status", &[], QUEUE),
];
