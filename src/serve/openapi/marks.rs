//! The addresses of marks. Data.

use super::operation::{Answer, Kind, Operation, SAME, failing, get, headed, with};

const ALL: &str = "/api/slides/{slide}/annotations";
const ONE: &str = "/api/slides/{slide}/annotations/{id}";
const OF_ALL: &[&str] = &["slide"];
const OF_ONE: &[&str] = &["slide", "id"];

const MARKS: Kind = ("application/geo+json", "Marks");
const MARK: Kind = ("application/geo+json", "Mark");

const READ_ALL: &[Answer] = &[("200", "GeoJSON", &[MARKS]), SAME];
const READ_ONE: &[Answer] = &[("200", "GeoJSON", &[MARK]), SAME];
const NOW_ALL: &[Answer] = &[("200", "The marks as they are then", &[MARKS])];
const CHANGED: &[Answer] = &[(
    "200",
    "The new revisions, and what conflicts, which was not changed",
    &[("application/json", "MarksChanged")],
)];
const CONFLICT: Answer = (
    "409",
    "It has been changed since, and is this now, or belongs to another slide",
    &[("application/json", "MarkConflict")],
);
const NOW_ONE: &[Answer] = &[("200", "The mark as it is then", &[MARK]), CONFLICT];
const REMOVED: &[Answer] = &[("200", "Its id", &[("application/json", "MarkRemoved")]), CONFLICT];

const BODY: &[&str] = &["404", "408", "409", "413", "415", "428", "500", "503"];
const NO_BODY: &[&str] = &["404", "409", "428", "500", "503"];
const SEVERAL: &[&str] = &["404", "408", "409", "413", "415", "500", "503"];
const TAG: &[&str] = &["ETag"];

/// Every address of marks.
pub const ROUTES: &[Operation] = &[
    get(ALL, "The marks on a slide", OF_ALL, READ_ALL),
    with(
        "put",
        MARKS,
        headed(TAG, failing(BODY, get(ALL, "Replaces all marks, which If-Match names", OF_ALL, NOW_ALL))),
    ),
    with(
        "patch",
        ("application/json", "MarkChanges"),
        failing(SEVERAL, get(ALL, "Makes several changes", OF_ALL, CHANGED)),
    ),
    Operation {
        method: "delete",
        ..headed(TAG, failing(NO_BODY, get(ALL, "Removes all marks, which If-Match names", OF_ALL, NOW_ALL)))
    },
    get(ONE, "A mark", OF_ONE, READ_ONE),
    with("put", MARK, headed(TAG, failing(BODY, get(ONE, "Puts a mark", OF_ONE, NOW_ONE)))),
    with("patch", MARK, headed(TAG, failing(BODY, get(ONE, "Merges into a mark", OF_ONE, NOW_ONE)))),
    Operation { method: "delete", ..failing(NO_BODY, get(ONE, "Removes a mark", OF_ONE, REMOVED)) },
];
