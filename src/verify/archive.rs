//! Checks that an archive is whole and, on request, that it decodes to the pixels that its encoder saw.
//!
//! Opening an archive checks header and directory. [`verify`] checks every blob: its checksum, that it decodes to its shape, and
//! that the blobs fill the file without a gap or an overlap. With `deep`, every family must reconstruct to its proof.

use std::fmt::Display;

use crate::archive::{self, Archive, FamilyEntry, FamilyRecord};
use crate::backend::Backend;
use crate::backend::scheduler::{Scheduler, family_bytes, tile_bytes};
use crate::error::diagnosis::{Diagnose, FaultKind};
use crate::error::{Error, Result};
use crate::image::family::{Proof, Want};
use crate::image::ycc::Sampling;
use crate::lossless::{OriginalFamily, tile_size};
use crate::output::render::stored_image;
use crate::residual::FamilyDecoder;

/// What was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Families whose payloads decode.
    pub families: u64,
    /// Families that were reconstructed and equal their proof.
    pub proved: u64,
    /// Tiles of small levels that decode.
    pub tiles: u64,
    /// Bytes of the file, all of which are covered by a checksum.
    pub bytes: u64,
}

/// Checks an open archive. Calls `progress` with the number of families that are whole.
///
/// ```no_run
/// use std::path::Path;
///
/// use origami::archive::Archive;
/// use origami::backend::CpuBackend;
/// use origami::backend::scheduler::Scheduler;
/// use origami::verify::verify;
///
/// let archive = Archive::open(Path::new("out/residual_packs/residuals.bundle"))?;
/// let whole = verify(&archive, true, &CpuBackend::new(), &Scheduler::new(0)?, &|_| {})?;
/// println!("{} families decode to the pixels that the encoder saw", whole.proved);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The first fault, in the order of the file's directory: file, offset, what was expected and what was found.
pub fn verify(
    archive: &Archive,
    deep: bool,
    backend: &dyn Backend,
    scheduler: &Scheduler,
    progress: &dyn Fn(u64),
) -> Result<Verified> {
    let fault = &|offset: u64, what: String, expected: String, found: String| {
        damaged(archive, offset, what, expected, found)
    };
    covers_the_file(archive)?;
    archive.icc_profile()?;
    let mut done = Verified { bytes: archive.file_bytes(), ..Verified::default() };
    scheduler.pipelined(
        0,
        tile_bytes(archive.geometry()),
        archive.tiles().iter().map(Ok),
        |entry| async move {
            archive.will_read_tile(entry).await;
            let bytes = archive.read_tile(entry)?;
            let decoded = stored_image(archive.geometry(), entry.id, entry.codec, bytes);
            decoded.map(drop).map_err(|e| {
                if e.diagnosis().kind != FaultKind::Damaged {
                    return Error::stored_tile(archive.path(), entry.id)(e);
                }
                let (width, height) = tile_size(archive.geometry(), entry.id).unwrap_or_default();
                let expected = format!("{width}x{height} pixels");
                fault(entry.offset, format!("tile {}", entry.id), expected, e.to_string())
            })
        },
        |_| {
            done.tiles += 1;
            Ok(())
        },
    )?;
    scheduler.pipelined(
        backend.in_flight(archive.geometry()),
        family_bytes(archive.geometry()),
        ahead(archive).map(Ok),
        |entry| async move {
            let coding = &archive.meta().coding;
            if coding.originals {
                return originals(archive, entry, archive.load_family(entry).await?, deep);
            }
            let record = archive.load_family(entry).await?;
            let decoded =
                FamilyDecoder { geometry: archive.geometry(), coding, id: entry.id, record: &record }
                    .decode()
                    .map_err(|e| undecodable(archive, entry, "payloads that decode", e))?;
            if !deep {
                return Ok(false);
            }
            // Chroma with a residual is corrected at half size, and so its proof is of that size.
            let sampling = if coding.chroma_residual { Sampling::S420 } else { Sampling::Gray };
            let made = backend.reconstruct(coding, &decoded, Want::Planes(sampling)).await?;
            let found = Proof::new(&made.l0.ycc(), &decoded.baseline);
            if found != record.proof {
                return Err(fault(
                    entry.offset,
                    format!("reconstruction of family {}", entry.id),
                    hex(record.proof),
                    hex(found),
                ));
            }
            Ok(true)
        },
        |proved| {
            done.families += 1;
            done.proved += u64::from(proved);
            progress(done.families);
            Ok(())
        },
    )?;
    Ok(done)
}

/// Families that are announced before they are read: a store far away sends them together.
const AHEAD: usize = 16;

/// The families of an archive, each part announced when the one before it is begun.
fn ahead(archive: &Archive) -> impl Iterator<Item = &FamilyEntry> {
    let parts = archive.families().chunks(AHEAD);
    let next = parts.clone().skip(1).map(Some).chain([None]);
    drop(archive.will_read(archive.families().iter().take(AHEAD)));
    parts.zip(next).flat_map(|(part, next)| {
        drop(archive.will_read(next.unwrap_or_default()));
        part
    })
}

fn damaged(archive: &Archive, offset: u64, what: String, expected: String, found: String) -> Error {
    let (path, remedy) = (archive.path().to_path_buf(), archive::Remedy::Restore);
    archive::Error::Damaged { path, offset, what, expected, found, remedy }.into()
}

/// A family that does not decode: damage, or a codec that this build lacks.
fn undecodable(
    archive: &Archive,
    entry: &FamilyEntry,
    expected: &str,
    error: impl Diagnose + Display + Into<Error>,
) -> Error {
    if error.diagnosis().kind != FaultKind::Damaged {
        return Error::stored_family(archive.path(), entry.id)(error);
    }
    damaged(archive, entry.offset, format!("family {}", entry.id), expected.into(), error.to_string())
}

fn hex(p: Proof) -> String {
    format!("luma {:032x} chroma {:032x}", p.luma, p.chroma)
}

/// Checks a lossless family: each tile must unpack and decode. Its proof is over the files, so no backend takes part.
fn originals(archive: &Archive, entry: &FamilyEntry, record: FamilyRecord, deep: bool) -> Result<bool> {
    let fault =
        |what: String, expected: String, found: String| damaged(archive, entry.offset, what, expected, found);
    let geometry = archive.geometry();
    let proof = record.proof;
    let family = OriginalFamily::unpack(geometry, entry.id, record);
    let family = family
        .and_then(|family| family.check(geometry, entry.id).map(|()| family))
        .map_err(|e| undecodable(archive, entry, "tiles that decode", e))?;
    if deep && family.proof() != proof {
        return Err(fault(format!("files of family {}", entry.id), hex(proof), hex(family.proof())));
    }
    Ok(deep)
}

/// Every byte after the directory belongs to a blob, and no two blobs overlap unless they are the same.
fn covers_the_file(archive: &Archive) -> Result<()> {
    let families = archive.families().iter().map(|e| (e.offset, e.bytes));
    let tiles = archive.tiles().iter().map(|e| (e.offset, e.bytes));
    let icc = (archive.icc_bytes() > 0).then(|| (archive.icc_offset(), archive.icc_bytes()));
    let mut blobs: Vec<(u64, u32)> =
        families.chain(tiles).chain(icc).filter(|&(_, bytes)| bytes > 0).collect();
    blobs.sort_unstable();
    blobs.dedup();
    let mut end = archive.directory_bytes();
    for (offset, bytes) in blobs.into_iter().chain([(archive.file_bytes(), 0)]) {
        if offset != end {
            let what = "place of the next blob".into();
            return Err(damaged(archive, end.min(offset), what, end.to_string(), offset.to_string()));
        }
        end = offset + u64::from(bytes);
    }
    Ok(())
}
