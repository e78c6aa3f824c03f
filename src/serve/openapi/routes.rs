//! What each address is asked for and answers. Data.

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

/// A media type, and the schema of such a body or nothing.
pub type Kind = (&'static str, &'static str);

/// A method of an address.
pub struct Operation {
    pub path: &'static str,
    pub method: &'static str,
    pub summary: &'static str,
    /// Keys of [`PARAMETERS`].
    pub parameters: &'static [&'static str],
    /// The body of the request.
    pub body: Option<Kind>,
    /// Status, what it means, and what it comes with.
    pub answers: &'static [(&'static str, &'static str, &'static [Kind])],
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
    query("slides", "slides", "Two to four slides, as a,b", TEXT),
];

const TILE: &[Kind] = &[("image/jpeg", ""), ("image/png", ""), ("image/webp", "")];
const PICTURE: &[Kind] =
    &[("image/jpeg", ""), ("image/png", ""), ("image/webp", ""), ("application/octet-stream", "")];
const HTML: &[Kind] = &[("text/html", "")];
const PLAIN: &[Kind] = &[("text/plain", "")];
const XML: &[Kind] = &[("application/xml", "")];
const DESCRIPTOR: &[Kind] = &[("application/xml", ""), ("application/json", "DeepZoom")];
const MARKS: Kind = ("application/geo+json", "Marks");
const MARK: Kind = ("application/geo+json", "Mark");
const SAME: (&str, &str, &[Kind]) = ("304", "It is what If-None-Match names", &[]);

pub const fn get(
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    answers: &'static [(&'static str, &'static str, &'static [Kind])],
) -> Operation {
    Operation { path, method: "get", summary, parameters, body: None, answers }
}

const fn with(method: &'static str, body: Kind, operation: Operation) -> Operation {
    Operation { method, body: Some(body), ..operation }
}

const DEEP_ZOOM: &[&str] = &["files", "level", "tile", "channel", "color", "focal", "time", "window"];
const IIIF_IMAGE: &[&str] =
    &["identifier", "region", "size", "rotation", "file", "channel", "color", "focal", "time", "window"];
const IIIF_INFO: &[&str] = &["identifier", "channel", "color", "focal", "time", "window"];
const OF_SLIDE: &[&str] = &["slide", "channel", "color", "focal", "time", "window"];
const A_TILE: &[(&str, &str, &[Kind])] = &[("200", "The tile", TILE), SAME];
const AN_IMAGE: &[(&str, &str, &[Kind])] = &[("200", "The image", TILE), SAME];

/// Every address of the server but those of DICOMweb.
pub const ROUTES: &[Operation] = &[
    get(
        "/api/slides",
        "The slides, all or a page of them",
        &["limit", "offset", "sort", "search"],
        &[("200", "Slides, and what is not served", &[("application/json", "Slides")]), SAME],
    ),
    get(
        "/api/slides/{slide}",
        "A slide",
        OF_SLIDE,
        &[("200", "What it is", &[("application/json", "Slide")])],
    ),
    get(
        "/api/slides/{slide}/region",
        "A rectangle at any scale",
        &[
            "slide", "left", "top", "w", "h", "scale", "mpp", "down", "format", "channel", "color", "focal",
            "time", "window",
        ],
        &[("200", "The picture. The headers Origami-Width and Origami-Height say its size", PICTURE), SAME],
    ),
    with(
        "post",
        ("application/json", "RegionsAsked"),
        get(
            "/api/slides/{slide}/regions",
            "Many rectangles at once",
            OF_SLIDE,
            &[(
                "200",
                "A tar archive: regions.json, which is of the schema Regions, then the pictures in order",
                &[("application/x-tar", "")],
            )],
        ),
    ),
    get(
        "/api/slides/{slide}/annotations",
        "The marks on a slide",
        &["slide"],
        &[("200", "GeoJSON", &[MARKS]), SAME],
    ),
    with(
        "put",
        MARKS,
        get(
            "/api/slides/{slide}/annotations",
            "Replaces all marks",
            &["slide"],
            &[("200", "The new revision", &[("application/json", "")])],
        ),
    ),
    with(
        "patch",
        ("application/json", "MarkChanges"),
        get(
            "/api/slides/{slide}/annotations",
            "Makes several changes",
            &["slide"],
            &[("200", "The new revisions, and what conflicts", &[("application/json", "")])],
        ),
    ),
    Operation {
        method: "delete",
        ..get(
            "/api/slides/{slide}/annotations",
            "Removes all marks",
            &["slide"],
            &[("200", "The new revision", &[("application/json", "")])],
        )
    },
    get(
        "/api/slides/{slide}/annotations/{id}",
        "A mark",
        &["slide", "id"],
        &[("200", "GeoJSON", &[MARK]), SAME],
    ),
    with(
        "put",
        MARK,
        get(
            "/api/slides/{slide}/annotations/{id}",
            "Puts a mark",
            &["slide", "id"],
            &[("200", "The new revision", &[("application/json", "")])],
        ),
    ),
    with(
        "patch",
        MARK,
        get(
            "/api/slides/{slide}/annotations/{id}",
            "Merges into a mark",
            &["slide", "id"],
            &[("200", "The new revision", &[("application/json", "")])],
        ),
    ),
    Operation {
        method: "delete",
        ..get(
            "/api/slides/{slide}/annotations/{id}",
            "Removes a mark",
            &["slide", "id"],
            &[("200", "The new revision", &[("application/json", "")])],
        )
    },
    get(
        "/dzi/{file}",
        "Deep Zoom descriptor",
        &["file", "channel", "color", "focal", "time", "window"],
        &[("200", "As XML, or as JSON", DESCRIPTOR), SAME],
    ),
    get("/dzi/{files}/{level}/{tile}", "Deep Zoom tile", DEEP_ZOOM, A_TILE),
    get(
        "/tiles/{slide}/{level}/{tile}",
        "Tile",
        &["slide", "level", "tile", "channel", "color", "focal", "time", "window"],
        A_TILE,
    ),
    get(
        "/original/{file}",
        "Descriptor of the slide's original",
        &["file"],
        &[("200", "As XML, or as JSON", DESCRIPTOR), SAME],
    ),
    get(
        "/original/{files}/{level}/{tile}",
        "Tile of the slide's original",
        &["files", "level", "tile"],
        A_TILE,
    ),
    get(
        "/zoomify/{slide}/ImageProperties.xml",
        "Zoomify's properties",
        OF_SLIDE,
        &[("200", "As XML", XML), SAME],
    ),
    get(
        "/zoomify/{slide}/{group}/{tile}",
        "Zoomify tile",
        &["slide", "group", "tile", "channel", "color", "focal", "time", "window"],
        A_TILE,
    ),
    get(
        "/xyz/{slide}/{z}/{x}/{y}",
        "XYZ tile, those of the edge filled up with white",
        &["slide", "z", "x", "y", "channel", "color", "focal", "time", "window"],
        A_TILE,
    ),
    get(
        "/iiif/3/{identifier}",
        "IIIF Image API 3.0: leads to info.json",
        IIIF_INFO,
        &[("303", "To info.json", &[])],
    ),
    get(
        "/iiif/3/{identifier}/info.json",
        "IIIF Image API 3.0: description",
        IIIF_INFO,
        &[
            ("200", "As JSON-LD or JSON", &[("application/ld+json", "Iiif3"), ("application/json", "Iiif3")]),
            SAME,
        ],
    ),
    get(
        "/iiif/3/{identifier}/{region}/{size}/{rotation}/{file}",
        "IIIF Image API 3.0: image",
        IIIF_IMAGE,
        AN_IMAGE,
    ),
    get(
        "/iiif/2/{identifier}",
        "IIIF Image API 2.1: leads to info.json",
        IIIF_INFO,
        &[("303", "To info.json", &[])],
    ),
    get(
        "/iiif/2/{identifier}/info.json",
        "IIIF Image API 2.1: description",
        IIIF_INFO,
        &[
            ("200", "As JSON or JSON-LD", &[("application/json", "Iiif2"), ("application/ld+json", "Iiif2")]),
            SAME,
        ],
    ),
    get(
        "/iiif/2/{identifier}/{region}/{size}/{rotation}/{file}",
        "IIIF Image API 2.1: image",
        IIIF_IMAGE,
        AN_IMAGE,
    ),
    get(
        "/thumbnails/{slide}",
        "A small image of a slide",
        &["slide", "width", "height", "channel", "color", "focal", "time", "window"],
        AN_IMAGE,
    ),
    get(
        "/associated/{slide}/{image}",
        "Label, macro or thumbnail in a slide's file",
        &["slide", "image"],
        &[("200", "The image", &[("image/jpeg", "")]), SAME],
    ),
    get(
        "/families/{slide}/{level}/{tile}",
        "Which tiles are made together",
        &["slide", "level", "tile"],
        &[("204", "The header Origami-Family has the text that tiles of a family share", &[])],
    ),
    get("/healthz", "Whether the server is alive", &[], &[("200", "It is", PLAIN)]),
    get("/readyz", "Whether the slides can be listed", &[], &[("200", "They can", PLAIN)]),
    get(
        "/metrics",
        "Figures for Prometheus",
        &[],
        &[(
            "200",
            "Prometheus' text format, or OpenMetrics where the request accepts it",
            &[("text/plain", ""), ("application/openmetrics-text", "")],
        )],
    ),
    get(
        "/api/openapi.json",
        "This document",
        &[],
        &[("200", "OpenAPI 3.1", &[("application/json", "")]), SAME],
    ),
    get("/api/docs", "This document as a page", &[], &[("200", "A page", HTML), SAME]),
    get("/", "The list of slides", &[], &[("200", "A page", HTML), SAME]),
    get("/viewer/{slide}", "The viewer", &["slide"], &[("200", "A page", HTML), SAME]),
    get("/embed/{slide}", "A slide in a frame of another page", &["slide"], &[("200", "A page", HTML), SAME]),
    get("/compare", "Slides side by side", &["slides"], &[("200", "A page", HTML), SAME]),
    get("/login", "Where a browser gives a token", &["next"], &[("200", "A page", HTML)]),
    with(
        "post",
        ("application/x-www-form-urlencoded", ""),
        get("/login", "Begins a session", &[], &[("303", "The page that was asked for", &[])]),
    ),
    get("/logout", "Where a browser ends its session", &[], &[("200", "A page", HTML)]),
    with(
        "post",
        ("application/x-www-form-urlencoded", ""),
        get("/logout", "Ends a session", &[], &[("303", "The login page", &[])]),
    ),
    get("/jobs", "The queue of jobs", &[], &[("200", "A page", HTML), SAME]),
    get(
        "/assets/{name}",
        "A file of the pages",
        &["name"],
        &[("200", "The file", &[("text/javascript", ""), ("text/css", "")]), SAME],
    ),
];
