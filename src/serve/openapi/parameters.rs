//! The parts of addresses. Data.

/// A part of an address.
pub struct Parameter {
    /// Its name among the parameters of the document.
    pub key: &'static str,
    /// Its name in the address.
    pub name: &'static str,
    /// Whether it is in the path, else in the query.
    pub in_path: bool,
    /// What it is.
    pub text: &'static str,
    /// Its form, as JSON Schema.
    pub schema: &'static str,
}

const fn path(name: &'static str, text: &'static str) -> Parameter {
    Parameter { key: name, name, in_path: true, text, schema: TEXT }
}

const fn query(key: &'static str, name: &'static str, text: &'static str, schema: &'static str) -> Parameter {
    Parameter { key, name, in_path: false, text, schema }
}

const TEXT: &str = r#"{"type": "string"}"#;
const NUMBER: &str = r#"{"type": "integer", "minimum": 0}"#;

/// The parts of addresses.
pub const PARAMETERS: &[Parameter] = &[
    path("slide", "Name of a slide"),
    path(
        "file",
        "Name of a slide with .dzi for XML or .json for JSON; of an IIIF image quality and format, as default.jpg",
    ),
    path("files", "Name of a slide with _files"),
    path("level", "Level of Deep Zoom: 0 is one pixel"),
    path(
        "tile",
        "Column and row, as 3_2.jpg; of Zoomify level, column and row, as 4-3-2.jpg. Any of jpg, jpeg, png and webp",
    ),
    path("image", "Name of an image beside the slide, as label"),
    path("identifier", "Name of a slide, or of a view of it, as slide%3Fchannel%3D1"),
    path("region", "full, square, x,y,w,h or pct:x,y,w,h"),
    path("size", "max, w,  ,h  pct:n  w,h or !w,h; in version 2 also full"),
    path("rotation", "Degrees: a multiple of 90"),
    path("group", "Zoomify's group of tiles, as TileGroup0"),
    path("z", "Level, from 0, the finest one that is a single tile"),
    path("x", "Column"),
    path("y", "Row with an extension, as 2.jpg"),
    path("id", "Id of a mark"),
    path("name", "Name of a file of the pages"),
    query("channel", "channel", "Channels of a slide that has several, as 0,2", TEXT),
    query("color", "color", "Colours of channels in place of those of the file, as 0:ff8000,2:0000ff", TEXT),
    query("focal", "z", "Focal plane of a slide that has several", NUMBER),
    query("time", "time", "Point in time of a slide that has several", NUMBER),
    query(
        "window",
        "window",
        "Stored values that become black and white, as 100,900; of single channels as 0:100-900,2:50-4000",
        TEXT,
    ),
    query("left", "x", "Left edge in pixels of the full resolution; 0 if it is left out", NUMBER),
    query("top", "y", "Top edge; 0 if it is left out", NUMBER),
    query("w", "w", "Pixels of the full resolution across; up to the right edge if it is left out", NUMBER),
    query("h", "h", "Pixels of the full resolution down; up to the lower edge if it is left out", NUMBER),
    query("scale", "scale", "Pixels of the picture for one of the slide, as 0.25 or 1/3", TEXT),
    query(
        "mpp",
        "mpp",
        "Micrometres per pixel of the picture",
        r#"{"type": "number", "exclusiveMinimum": 0}"#,
    ),
    query(
        "down",
        "level",
        "Level: 0 is the full resolution, each next one has half of the pixels a side",
        r#"{"type": "integer", "minimum": 0, "maximum": 31}"#,
    ),
    query(
        "format",
        "format",
        "What the picture is",
        r#"{"enum": ["jpeg", "png", "webp", "raw"], "default": "jpeg"}"#,
    ),
    query(
        "width",
        "width",
        "Pixels across that the image fits into",
        r#"{"type": "integer", "minimum": 16, "maximum": 1024}"#,
    ),
    query(
        "height",
        "height",
        "Pixels down that the image fits into",
        r#"{"type": "integer", "minimum": 16, "maximum": 1024}"#,
    ),
    query(
        "limit",
        "limit",
        "Most slides; all of them if it is left out",
        r#"{"type": "integer", "minimum": 1, "maximum": 500}"#,
    ),
    query("offset", "offset", "Slides to leave out before", NUMBER),
    query(
        "sort",
        "sort",
        "The order; - before it reverses it",
        r#"{"enum": ["name", "-name", "folder", "-folder", "date", "-date"]}"#,
    ),
    query("search", "search", "A part of the name, in upper or lower case", TEXT),
    path("study", "UID of a study"),
    path("series", "UID of a series"),
    path("instance", "UID of an instance"),
    path("frames", "Numbers of frames from 1, as 1,2,3"),
    query("most", "limit", "Most results", NUMBER),
    query("next", "next", "The page that a login leads to, as /viewer/slide", TEXT),
    query(
        "sources",
        "sources",
        "With 1 the answer also says what identifies the slide",
        r#"{"enum": ["1"]}"#,
    ),
    query("slides", "slides", "Two to four slides, as a,b", TEXT),
    query(
        "views",
        "views",
        "The view of each, percent-encoded: channels and planes, as channel%3D0,channel%3D1",
        TEXT,
    ),
];

/// Those of the addresses of jobs alone.
pub const OF_JOBS: &[Parameter] = &[path("job_id", "Name of a job")];
