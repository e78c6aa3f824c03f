//! The diagnoses of every layer's errors up to [`Error`].

use std::error::Error as StdError;

use super::diagnosis::{Diagnose, Diagnosis, FaultKind, Place};
use super::{Error, Refusal};
use crate::backend::{GpuError, NoAdapter};
use crate::image::geometry::GeometryError;
use crate::slide::SlideError;
use crate::store::FileError;
use crate::{archive, backend, codec, lossless, output, params, pyramid, residual};

/// The diagnosis of an error of any type: `None` unless it is one of this library's up to [`Error`], or one of the system's.
pub fn diagnose(error: &(dyn StdError + 'static)) -> Option<Diagnosis> {
    fn of<E: Diagnose + StdError + 'static>(error: &(dyn StdError + 'static)) -> Option<Diagnosis> {
        error.downcast_ref::<E>().map(Diagnose::diagnosis)
    }
    let layers = [
        of::<Error>,
        of::<pyramid::Error>,
        of::<output::Error>,
        of::<residual::Error>,
        of::<lossless::Error>,
        of::<SlideError>,
        of::<backend::Error>,
        of::<GpuError>,
        of::<NoAdapter>,
        of::<archive::Error>,
        of::<FileError>,
        of::<params::Error>,
        of::<codec::Error>,
        of::<GeometryError>,
        of::<std::io::Error>,
    ];
    layers.iter().find_map(|layer| layer(error))
}

impl Diagnose for GeometryError {
    fn diagnosis(&self) -> Diagnosis {
        Diagnosis::of(match self {
            GeometryError::TileSize(_)
            | GeometryError::TooManyTiles { .. }
            | GeometryError::NoTile(_)
            | GeometryError::NoFamily(_) => FaultKind::Parameters,
            GeometryError::SlideSize { .. } => FaultKind::Failed,
        })
    }
}

impl Diagnose for codec::Error {
    /// An image that a codec refuses is no fault of the data by itself: who decodes stored bytes knows better.
    fn diagnosis(&self) -> Diagnosis {
        Diagnosis::of(match self {
            codec::Error::Sampling { .. } | codec::Error::NoEncoder(_) | codec::Error::NoEntropy(_) => {
                FaultKind::Parameters
            }
            codec::Error::Image { .. }
            | codec::Error::Unsupported(_)
            | codec::Error::NotReadable(_)
            | codec::Error::NoLibjxl(_) => FaultKind::Failed,
        })
    }
}

/// The fault of bytes that were stored and do not decode.
fn stored(error: &codec::Error) -> Diagnosis {
    match error {
        codec::Error::Image { .. } => Diagnosis::of(FaultKind::Damaged),
        other => other.diagnosis(),
    }
}

impl Diagnose for params::Error {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            params::Error::RecordedSharpening(_) => Diagnosis::of(FaultKind::Damaged),
            params::Error::Codec(e) => e.diagnosis(),
            _ => Diagnosis::of(FaultKind::Parameters),
        }
    }
}

impl Diagnose for FileError {
    fn diagnosis(&self) -> Diagnosis {
        self.source.diagnosis().in_file(&self.path)
    }
}

impl Diagnose for archive::Error {
    fn diagnosis(&self) -> Diagnosis {
        use archive::Error as E;
        match self {
            E::File(e) => e.diagnosis(),
            E::Damaged { path, offset, .. } => {
                Diagnosis::of(FaultKind::Damaged).in_file(path).at(Place::Byte(*offset))
            }
            E::DirectoryInPlace(path) => Diagnosis::of(FaultKind::Failed).in_file(path),
            E::AnotherEncode(dir) => Diagnosis::of(FaultKind::MayPass).in_file(dir),
            E::Params(e) => e.diagnosis(),
            E::BlobTooLarge
            | E::RecordTooLong { .. }
            | E::TileTooLong { .. }
            | E::ProfileTooLong(_)
            | E::TooManyEntries => Diagnosis::of(FaultKind::Parameters),
            E::Incomplete | E::Metadata(_) => Diagnosis::of(FaultKind::Failed),
        }
    }
}

impl Diagnose for NoAdapter {
    fn diagnosis(&self) -> Diagnosis {
        Diagnosis::of(match self {
            NoAdapter::NoGpuNamed { .. } | NoAdapter::Unknown { .. } | NoAdapter::Software { .. } => {
                FaultKind::Parameters
            }
            NoAdapter::NoGpu | NoAdapter::SoftwareOnly { .. } => FaultKind::Failed,
        })
    }
}

impl Diagnose for GpuError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            GpuError::NoAdapter(e) => e.diagnosis(),
            GpuError::Shader { .. } | GpuError::TooLarge { .. } => Diagnosis::of(FaultKind::Failed),
            GpuError::Open(_)
            | GpuError::OutOfMemory(_)
            | GpuError::Lost(_)
            | GpuError::Hung { .. }
            | GpuError::Driver(_) => Diagnosis::of(FaultKind::MayPass),
        }
    }
}

impl Diagnose for backend::Error {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            backend::Error::Gpu(e) => e.diagnosis(),
            backend::Error::Params(e) => e.diagnosis(),
            backend::Error::TooManyThreads(_) => Diagnosis::of(FaultKind::Parameters),
            backend::Error::Threads(_) => Diagnosis::of(FaultKind::MayPass),
            backend::Error::Interrupted => Diagnosis::of(FaultKind::Interrupted),
        }
    }
}

impl Diagnose for SlideError {
    fn diagnosis(&self) -> Diagnosis {
        use SlideError as E;
        let failed = Diagnosis::of(FaultKind::Failed);
        let damaged = |place: &str| Diagnosis::of(FaultKind::Damaged).at(Place::Part(place.into()));
        let (path, diagnosis) = match self {
            E::Io { path, source, .. } => (path, source.diagnosis()),
            E::OpenSlide { path, place, .. } | E::Corrupt { path, place, .. } => (path, damaged(place)),
            E::NotSequential { path, place } => (path, failed.at(Place::Part(place.clone()))),
            E::UnknownFormat { path, .. }
            | E::NotRead { path, .. }
            | E::OpenSlideLacks { path, .. }
            | E::NeedsOpenSlide { path, .. }
            | E::Unsupported { path, .. }
            | E::TooLarge { path, .. } => (path, failed),
            E::OutOfBounds { path, .. }
            | E::NoLevel { path, .. }
            | E::ChooseChannels { path, .. }
            | E::ChoosePlane { path, .. }
            | E::NoSuchPlane { path, .. }
            | E::NoSuchWindow { path, .. }
            | E::NothingToChoose { path, .. }
            | E::BufferSize { path, .. }
            | E::NoAssociatedImage { path, .. } => (path, Diagnosis::of(FaultKind::Parameters)),
        };
        diagnosis.in_file(path)
    }
}

impl Diagnose for lossless::Error {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            lossless::Error::Codec(e) => stored(e),
            lossless::Error::Geometry(e) => e.diagnosis(),
            lossless::Error::Payload { .. } => Diagnosis::of(FaultKind::Damaged),
            lossless::Error::Within { source, .. } => source.diagnosis(),
        }
    }
}

impl Diagnose for residual::Error {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            residual::Error::Codec(e) => e.diagnosis(),
            residual::Error::Backend(e) => e.diagnosis(),
            residual::Error::Params(e) => e.diagnosis(),
            residual::Error::Undecodable { source, .. } => stored(source),
            residual::Error::Payload { .. } => Diagnosis::of(FaultKind::Damaged),
            residual::Error::Lossless => Diagnosis::of(FaultKind::Parameters),
            residual::Error::HoldsOriginals(family) => {
                Diagnosis::of(FaultKind::Parameters).at(Place::Family(*family))
            }
        }
    }
}

impl Diagnose for pyramid::Error {
    fn diagnosis(&self) -> Diagnosis {
        use pyramid::Error as E;
        match self {
            E::File(e) => e.diagnosis(),
            E::Slide(e) => e.diagnosis(),
            E::Input { path, .. } => Diagnosis::of(FaultKind::Failed).in_file(path),
            E::Damaged { path, .. } => Diagnosis::of(FaultKind::Damaged).in_file(path),
            E::Shape { path, source } => source.diagnosis().in_file(path),
            E::Refused { path, refusal } => refusal.diagnosis().in_file(path),
            E::Tile { path, tile, .. } => {
                Diagnosis::of(FaultKind::Damaged).in_file(path).at(Place::Tile(*tile))
            }
            E::Codec(e) => e.diagnosis(),
            E::Geometry(e) => e.diagnosis(),
            E::Archive(e) => e.diagnosis(),
            E::Backend(e) => e.diagnosis(),
            E::Sidecar(_) => Diagnosis::of(FaultKind::Failed),
        }
    }
}

impl Diagnose for pyramid::Refusal {
    fn diagnosis(&self) -> Diagnosis {
        use pyramid::Refusal as R;
        Diagnosis::of(match self {
            R::MissingTiles(_) | R::MissingL2(_) | R::NoTiles { .. } => FaultKind::Damaged,
            R::AnotherRun { .. } | R::Changed => FaultKind::MayPass,
            R::LosslessBackground | R::OtherTileSize { .. } => FaultKind::Parameters,
            R::TileMetadata { .. } | R::TileOrientation { .. } => FaultKind::Failed,
            R::NotADescriptor
            | R::Exists
            | R::Foreign
            | R::NotJpeg { .. }
            | R::Overlap { .. }
            | R::NoJpegTiles { .. } => FaultKind::Failed,
        })
    }
}

impl Diagnose for output::Error {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            output::Error::Codec(e) => stored(e),
            output::Error::Geometry(e) => e.diagnosis(),
            output::Error::Lossless(e) => e.diagnosis(),
            output::Error::Quality(_) | output::Error::NoWebp => Diagnosis::of(FaultKind::Parameters),
            output::Error::NotOfFamily { tile, .. } => {
                Diagnosis::of(FaultKind::Parameters).at(Place::Tile(*tile))
            }
        }
    }
}

impl Diagnose for Refusal {
    fn diagnosis(&self) -> Diagnosis {
        Diagnosis::of(match self {
            Refusal::OtherKind(_)
            | Refusal::NoSmallLevels
            | Refusal::TileSize { .. }
            | Refusal::UpsampleFilter { .. } => FaultKind::Parameters,
            Refusal::MissingPacks { .. } => FaultKind::Damaged,
            Refusal::NoPacks | Refusal::OtherEncode { .. } | Refusal::ForeignManifest => FaultKind::Failed,
        })
    }
}

impl Diagnose for Error {
    fn diagnosis(&self) -> Diagnosis {
        let failed = Diagnosis::of(FaultKind::Failed);
        match self {
            Error::File(e) => e.diagnosis(),
            Error::Input { path, .. } => failed.in_file(path),
            Error::Refused { path, refusal } => refusal.diagnosis().in_file(path),
            Error::StoredTile { path, tile, source } => {
                source.diagnosis().in_file(path).at(Place::Tile(*tile))
            }
            Error::StoredFamily { path, family, source } => {
                source.diagnosis().in_file(path).at(Place::Family(*family))
            }
            Error::TileNotStored { path, tile } => failed.in_file(path).at(Place::Tile(*tile)),
            Error::Family { family, source } => source.diagnosis().at(Place::Family(*family)),
            Error::Archive(e) => e.diagnosis(),
            Error::Pyramid(e) => e.diagnosis(),
            Error::Slide(e) => e.diagnosis(),
            Error::Codec(e) => e.diagnosis(),
            Error::Residual(e) => e.diagnosis(),
            Error::Lossless(e) => e.diagnosis(),
            Error::Output(e) => e.diagnosis(),
            Error::Backend(e) => e.diagnosis(),
            Error::Geometry(e) => e.diagnosis(),
            Error::Params(e) => e.diagnosis(),
            Error::NothingToReport => Diagnosis::of(FaultKind::Parameters),
            Error::PsnrOutOfReach { .. }
            | Error::SizeOutOfReach { .. }
            | Error::NoResidual
            | Error::OtherSize { .. }
            | Error::Manifest(_)
            | Error::Served { .. } => failed,
        }
    }
}
