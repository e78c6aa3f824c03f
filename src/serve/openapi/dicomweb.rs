//! The addresses of DICOMweb. Data. What they take and answer is standardised: DICOM PS3.18, <https://dicom.nema.org/medical/dicom/current/output/chtml/part18/PS3.18.html>.

use super::routes::{Kind, Operation, get};

const FOUND: &[(&str, &str, &[Kind])] = &[
    ("200", "Data sets as DICOM JSON", &[("application/dicom+json", "")]),
    ("204", "Nothing is found", &[]),
];
const METADATA: &[(&str, &str, &[Kind])] =
    &[("200", "Data sets without pixels as DICOM JSON", &[("application/dicom+json", "")])];
const INSTANCES: &[(&str, &str, &[Kind])] =
    &[("200", "DICOM files, one a part", &[("multipart/related; type=\"application/dicom\"", "")])];
const STORED: &[Kind] = &[("multipart/related; type=\"image/jpeg\"", ""), ("image/jpeg", "")];
const FRAMES: &[(&str, &str, &[Kind])] = &[
    ("200", "Frames as they are stored, one a part", STORED),
    ("206", "The part of one frame that Range asks for", STORED),
];
const OCTETS: &[Kind] =
    &[("multipart/related; type=\"application/octet-stream\"", ""), ("application/octet-stream", "")];
const BYTES: &[(&str, &str, &[Kind])] =
    &[("200", "The bytes", OCTETS), ("206", "The part that Range asks for", OCTETS)];
const RENDERED: &[(&str, &str, &[Kind])] = &[("200", "A picture", &[("image/jpeg", ""), ("image/png", "")])];

const STUDY: &[&str] = &["study"];
const SERIES: &[&str] = &["study", "series"];
const INSTANCE: &[&str] = &["study", "series", "instance"];
const FRAME: &[&str] = &["study", "series", "instance", "frames"];
const SEARCH: &[&str] = &["most", "offset"];

/// Every address of DICOMweb.
pub const ROUTES: &[Operation] = &[
    get("/dicomweb/studies", "DICOMweb: studies that match", SEARCH, FOUND),
    get("/dicomweb/series", "DICOMweb: series that match", SEARCH, FOUND),
    get("/dicomweb/instances", "DICOMweb: instances that match", SEARCH, FOUND),
    get(
        "/dicomweb/studies/{study}/series",
        "DICOMweb: series of a study",
        &["study", "most", "offset"],
        FOUND,
    ),
    get(
        "/dicomweb/studies/{study}/instances",
        "DICOMweb: instances of a study",
        &["study", "most", "offset"],
        FOUND,
    ),
    get(
        "/dicomweb/studies/{study}/series/{series}/instances",
        "DICOMweb: instances of a series",
        &["study", "series", "most", "offset"],
        FOUND,
    ),
    get("/dicomweb/studies/{study}/metadata", "DICOMweb: attributes of a study", STUDY, METADATA),
    get(
        "/dicomweb/studies/{study}/series/{series}/metadata",
        "DICOMweb: attributes of a series",
        SERIES,
        METADATA,
    ),
    get(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/metadata",
        "DICOMweb: attributes of an instance",
        INSTANCE,
        METADATA,
    ),
    get("/dicomweb/studies/{study}", "DICOMweb: the files of a study", STUDY, INSTANCES),
    get("/dicomweb/studies/{study}/series/{series}", "DICOMweb: the files of a series", SERIES, INSTANCES),
    get(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}",
        "DICOMweb: a file",
        INSTANCE,
        INSTANCES,
    ),
    get(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/frames/{frames}",
        "DICOMweb: frames",
        FRAME,
        FRAMES,
    ),
    get(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/bulkdata/pixels",
        "DICOMweb: all frames of an instance",
        INSTANCE,
        FRAMES,
    ),
    get(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/bulkdata/icc",
        "DICOMweb: the colour profile of an instance",
        INSTANCE,
        BYTES,
    ),
    get(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/rendered",
        "DICOMweb: a picture of an instance",
        INSTANCE,
        RENDERED,
    ),
    get(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered",
        "DICOMweb: a picture of a frame",
        FRAME,
        RENDERED,
    ),
    get("/dicomweb/studies/{study}/thumbnail", "DICOMweb: a small picture of a study", STUDY, RENDERED),
    get(
        "/dicomweb/studies/{study}/series/{series}/thumbnail",
        "DICOMweb: a small picture of a series",
        SERIES,
        RENDERED,
    ),
    get(
        "/dicomweb/studies/{study}/series/{series}/instances/{instance}/thumbnail",
        "DICOMweb: a small picture of an instance",
        INSTANCE,
        RENDERED,
    ),
];
