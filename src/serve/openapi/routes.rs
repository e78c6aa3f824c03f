//! What each address is asked for and answers. Data.

use super::operation::{Answer, Kind, Operation, SAME, failing, get, headed, open, with};

const TILE: &[Kind] = &[("image/jpeg", ""), ("image/png", ""), ("image/webp", "")];
const PICTURE: &[Kind] =
    &[("image/jpeg", ""), ("image/png", ""), ("image/webp", ""), ("application/octet-stream", "")];
const HTML: &[Kind] = &[("text/html", "")];
const PLAIN: &[Kind] = &[("text/plain", "")];
const XML: &[Kind] = &[("application/xml", "")];
const DESCRIPTOR: &[Kind] = &[("application/xml", ""), ("application/json", "DeepZoom")];
const JSON_OR_HTML: &[Kind] = &[("application/json", "Error"), ("text/html", "")];
const FORM_BODY: Kind = ("application/x-www-form-urlencoded", "");

const PAGE: Answer = ("200", "A page", HTML);
const A_PAGE: &[Answer] = &[PAGE, SAME];
const NO_TOKEN: Answer = ("401", "The login page where Accept names HTML, else an error", JSON_OR_HTML);
const BAD_TOKEN: Answer =
    ("403", "The signature does not cover this address or has expired: a page or an error", JSON_OR_HTML);
const NO_SLIDE: Answer = ("404", "There is no such slide: the page says so", HTML);
const GUARDED_PAGE: &[Answer] = &[PAGE, SAME, NO_TOKEN, BAD_TOKEN];
const VIEWER: &[Answer] = &[PAGE, SAME, NO_TOKEN, BAD_TOKEN, NO_SLIDE];
const FRAME: &[Answer] = &[PAGE, SAME, NO_SLIDE];
const FORM: &[Answer] = &[PAGE];
const ELSEWHERE: Answer = ("403", "The form is of a page of another server", HTML);
const LOGGED_IN: &[Answer] = &[
    ("303", "To the page that was asked for, with the cookie of the session", &[]),
    ("400", "The form did not arrive whole", JSON_OR_HTML),
    ("401", "This is no token of this server", HTML),
    ELSEWHERE,
    ("404", "The server has no tokens", HTML),
    ("429", "There were too many attempts", HTML),
];
const LOGGED_OUT: &[Answer] = &[("200", "The login page; the cookie has ended", HTML), ELSEWHERE];
const ASSET: &[Answer] =
    &[("200", "The file", &[("text/javascript", ""), ("text/css", ""), ("image/svg+xml", "")]), SAME];
const ARCHIVE: &[Answer] = &[(
    "200",
    "A tar archive: regions.json, which is of the schema Regions, then the pictures in order",
    &[("application/x-tar", "")],
)];

/// Errors of pictures that are made to measure.
const MADE: &[&str] = &["404", "500", "501", "503"];

const DEEP_ZOOM: &[&str] = &["files", "level", "tile", "channel", "color", "focal", "time", "window"];
const IIIF_IMAGE: &[&str] =
    &["identifier", "region", "size", "rotation", "file", "channel", "color", "focal", "time", "window"];
const IIIF_INFO: &[&str] = &["identifier", "channel", "color", "focal", "time", "window"];
const DESCRIBED: &[&str] = &["slide", "channel", "color", "focal", "time", "window", "sources"];
const OF_SLIDE: &[&str] = &["slide", "channel", "color", "focal", "time", "window"];
const A_TILE: &[Answer] = &[("200", "The tile", TILE), SAME];
const AN_IMAGE: &[Answer] = &[("200", "The image", TILE), SAME];

/// Every address of the server but those of marks and of DICOMweb.
pub const ROUTES: &[Operation] = &[
    failing(
        &["500", "503"],
        get(
            "/api/slides",
            "The slides, all or a page of them",
            &["limit", "offset", "sort", "search"],
            &[("200", "Slides, and what is not served", &[("application/json", "Slides")]), SAME],
        ),
    ),
    get(
        "/api/slides/{slide}",
        "A slide",
        DESCRIBED,
        &[("200", "What it is", &[("application/json", "Slide")]), SAME],
    ),
    headed(
        &["Origami-Width", "Origami-Height"],
        failing(
            MADE,
            get(
                "/api/slides/{slide}/region",
                "A rectangle at any scale",
                &[
                    "slide", "left", "top", "w", "h", "scale", "mpp", "down", "format", "channel", "color",
                    "focal", "time", "window",
                ],
                &[("200", "The picture", PICTURE), SAME],
            ),
        ),
    ),
    with(
        "post",
        ("application/json", "RegionsAsked"),
        failing(
            &["404", "408", "413", "500", "501", "503"],
            get("/api/slides/{slide}/regions", "Many rectangles at once", OF_SLIDE, ARCHIVE),
        ),
    ),
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
    failing(
        MADE,
        get(
            "/iiif/3/{identifier}/{region}/{size}/{rotation}/{file}",
            "IIIF Image API 3.0: image",
            IIIF_IMAGE,
            AN_IMAGE,
        ),
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
    failing(
        MADE,
        get(
            "/iiif/2/{identifier}/{region}/{size}/{rotation}/{file}",
            "IIIF Image API 2.1: image",
            IIIF_IMAGE,
            AN_IMAGE,
        ),
    ),
    failing(
        MADE,
        get(
            "/thumbnails/{slide}",
            "A small image of a slide",
            &["slide", "width", "height", "channel", "color", "focal", "time", "window"],
            AN_IMAGE,
        ),
    ),
    get(
        "/associated/{slide}/{image}",
        "Label, macro or thumbnail in a slide's file",
        &["slide", "image"],
        &[("200", "The image", &[("image/jpeg", "")]), SAME],
    ),
    headed(
        &["Origami-Family"],
        get(
            "/families/{slide}/{level}/{tile}",
            "Which tiles are made together",
            &["slide", "level", "tile"],
            &[("204", "The header says it", &[])],
        ),
    ),
    open(&[], get("/healthz", "Whether the server is alive", &[], &[("200", "It is", PLAIN)])),
    open(
        &["503"],
        get("/readyz", "Whether the slides can be listed and read", &[], &[("200", "They can", PLAIN)]),
    ),
    failing(
        &[],
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
    ),
    open(
        &[],
        get(
            "/api/openapi.json",
            "This document",
            &[],
            &[("200", "OpenAPI 3.1", &[("application/json", "")]), SAME],
        ),
    ),
    open(&[], get("/api/docs", "This document as a page", &[], A_PAGE)),
    failing(&[], get("/", "The list of slides", &[], GUARDED_PAGE)),
    failing(&[], get("/viewer/{slide}", "The viewer", &["slide"], VIEWER)),
    failing(&[], get("/embed/{slide}", "A slide in a frame of another page", &["slide"], FRAME)),
    open(&[], get("/compare", "Slides side by side", &["slides", "views"], A_PAGE)),
    open(&[], get("/login", "Where a browser gives a token", &["next"], FORM)),
    with("post", FORM_BODY, open(&[], get("/login", "Begins a session", &[], LOGGED_IN))),
    open(&[], get("/logout", "Where a browser ends its session", &["next"], FORM)),
    with("post", FORM_BODY, open(&[], get("/logout", "Ends a session", &[], LOGGED_OUT))),
    failing(&[], get("/jobs", "The queue of jobs", &[], GUARDED_PAGE)),
    open(&["404"], get("/assets/{name}", "A file of the pages", &["name"], ASSET)),
];
