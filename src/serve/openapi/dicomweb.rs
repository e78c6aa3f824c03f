//! The addresses of DICOMweb. Data. What they take and answer is standardised: DICOM PS3.18, <https://dicom.nema.org/medical/dicom/current/output/chtml/part18/PS3.18.html>.

use super::operation::{Answer, Kind, Operation, SAME, failing, get};

const DATA_SETS: &[Kind] = &[("application/dicom+json", "DataSets")];
const FOUND: &[Answer] =
    &[("200", "Data sets as DICOM JSON", DATA_SETS), ("204", "Nothing is found", &[]), SAME];
const METADATA: &[Answer] = &[("200", "Data sets without pixels as DICOM JSON", DATA_SETS), SAME];
const INSTANCES: &[Answer] = &[
    (
        "200",
        "DICOM files, one a part, or a single one as it is",
        &[("multipart/related; type=\"application/dicom\"", ""), ("application/dicom", "")],
    ),
    SAME,
];
const STORED: &[Kind] = &[
    ("multipart/related; type=\"image/jpeg\"", ""),
    ("multipart/related; type=\"image/jp2\"", ""),
    ("multipart/related; type=\"application/octet-stream\"", ""),
    ("image/jpeg", ""),
    ("image/jp2", ""),
    ("application/octet-stream", ""),
];
const FRAMES: &[Answer] = &[
    ("200", "Frames as they are stored, one a part, or a single one as it is", STORED),
    ("206", "The part of one frame that Range asks for", STORED),
    SAME,
];
const OCTETS: &[Kind] =
    &[("multipart/related; type=\"application/octet-stream\"", ""), ("application/octet-stream", "")];
const BYTES: &[Answer] =
    &[("200", "The bytes", OCTETS), ("206", "The part that Range asks for", OCTETS), SAME];
const RENDERED: &[Answer] = &[("200", "A picture", &[("image/jpeg", ""), ("image/png", "")]), SAME];

const ERRORS: &[&str] = &["404", "406", "500", "503"];
const RANGED: &[&str] = &["404", "406", "416", "500", "503"];

const STUDY: &[&str] = &["study"];
const SERIES: &[&str] = &["study", "series"];
const INSTANCE: &[&str] = &["study", "series", "instance"];
const FRAME: &[&str] = &["study", "series", "instance", "frames"];
const SEARCH: &[&str] = &["most", "offset"];

/// What can be asked for by this service.
const fn asked(
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    answers: &'static [Answer],
) -> Operation {
    failing(ERRORS, get(path, summary, parameters, answers))
}

/// The same of bytes of which a part can be asked for.
const fn ranged(
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    answers: &'static [Answer],
) -> Operation {
    failing(RANGED, get(path, summary, parameters, answers))
}

/// Every address of DICOMweb.
pub const ROUTES: &[Operation] = &[
    asked("/dicomweb/studies", "DICOMweb: studies that match", SEARCH, FOUND),
    asked("/dicomweb/series", "DICOMweb: series that match", SEARCH, FOUND),
    asked("/dicomweb/instances", "DICOMweb: instances that match", SEARCH, FOUND),
    asked(
        "/dicomweb/studies/{study}/series",
        "DICOMweb: series of a study",
        &["study", "most", "offset"],
        FOUND,
    ),
    asked(
        "/dicomweb/studies/{study}/instances",
        "DICOMweb: instances of a study",
        &["study", "most", "offset"],
        FOUND,
    ),
    asked(
        "/dicomweb/studies/{study}/series/{series}/instances",
        "DICOMweb: instances of a series",
        &["study", "series", "most", "offset"],
        FOUND,
    ),
    asked("/dicomweb/studies/{study}/metadata", "DICOMweb: attributes of a study", STUDY, METADATA),
    asked(
        "/dicomweb/studies/{study}/series/{series}/metadata",
        "DICOMweb: attributes of a series",
        SERIES,
        METADATA,
    ),
    asked(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/metadata",
        "DICOMweb: attributes of an instance",
        INSTANCE,
        METADATA,
    ),
    asked("/dicomweb/studies/{study}", "DICOMweb: the files of a study", STUDY, INSTANCES),
    asked("/dicomweb/studies/{study}/series/{series}", "DICOMweb: the files of a series", SERIES, INSTANCES),
    asked(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}",
        "DICOMweb: a file",
        INSTANCE,
        INSTANCES,
    ),
    ranged(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/frames/{frames}",
        "DICOMweb: frames",
        FRAME,
        FRAMES,
    ),
    ranged(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/bulkdata/pixels",
        "DICOMweb: all frames of an instance",
        INSTANCE,
        FRAMES,
    ),
    ranged(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/bulkdata/icc",
        "DICOMweb: the colour profile of an instance",
        INSTANCE,
        BYTES,
    ),
    asked(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/rendered",
        "DICOMweb: a picture of an instance",
        INSTANCE,
        RENDERED,
    ),
    asked(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered",
        "DICOMweb: a picture of a frame",
        FRAME,
        RENDERED,
    ),
    asked("/dicomweb/studies/{study}/thumbnail", "DICOMweb: a small picture of a study", STUDY, RENDERED),
    asked(
        "/dicomweb/studies/{study}/series/{series}/thumbnail",
        "DICOMweb: a small picture of a series",
        SERIES,
        RENDERED,
    ),
    asked(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/thumbnail",
        "DICOMweb: a small picture of an instance",
        INSTANCE,
        RENDERED,
    ),
];
