//! The input of a decode: a bundle, one pack, or a directory of packs.

use std::path::{Path, PathBuf};

use crate::archive::{self, Archive, FamilyEntry, FamilyRecord, Kind, Meta, Payload};
use crate::codec::CodecId;
use crate::error::{Error, Refusal, Result};
use crate::image::family::PayloadKind;
use crate::image::geometry::{FamilyId, Geometry};

/// A bundle, one pack, or a directory of packs.
pub struct Input {
    /// The bundle, the pack, or the first pack of the directory.
    first: Archive,
    /// The directory of packs and the families in it.
    packs: Option<(PathBuf, Vec<FamilyId>)>,
}

impl Input {
    /// A `.bundle` or a `.pack`.
    ///
    /// # Errors
    /// A damaged file; a file that is not of this kind.
    pub fn file(path: &Path, kind: Kind) -> Result<Self> {
        let first = Archive::open(path)?;
        if first.kind() != kind {
            return Err(Error::refused(path, Refusal::OtherKind(first.kind())));
        }
        Ok(Self { first, packs: None })
    }

    /// An archive that is open.
    pub fn of_archive(first: Archive) -> Self {
        Self { first, packs: None }
    }

    /// A directory of `{x2}_{y2}.pack`.
    ///
    /// # Errors
    /// No packs; a first pack that is damaged. The others are opened when they are read.
    pub fn packs(dir: &Path) -> Result<Self> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(Error::io("list", dir))? {
            let path = entry.map_err(Error::io("list", dir))?.path();
            // Names that begin with a dot are leftovers of interrupted runs, or of other programs.
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if !hidden && path.extension().is_some_and(|e| e == "pack") {
                names.push(path);
            }
        }
        names.sort();
        let Some(first) = names.first() else {
            return Err(Error::refused(dir, Refusal::NoPacks));
        };
        let first = Archive::open(first)?;
        let geometry = *first.geometry();
        let ids = names.iter().map(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let at = name.strip_suffix(".pack").and_then(|s| s.split_once('_'));
            let id = at.and_then(|(x, y)| geometry.family(x.parse().ok()?, y.parse().ok()?));
            // Only the name that encode gives is accepted, so that no two files are the same family.
            id.filter(|id| name == format!("{id}.pack")).ok_or_else(|| {
                Error::input(path, "its name is not the column and row of a family of this slide; remove it")
            })
        });
        let mut ids = ids.collect::<Result<Vec<_>>>()?;
        ids.sort_by_key(|id| (id.y(), id.x()));
        Ok(Self { first, packs: Some((dir.to_path_buf(), ids)) })
    }

    /// Whether it is a directory of packs.
    pub fn is_directory(&self) -> bool {
        self.packs.is_some()
    }
    /// Slide and tile size.
    pub fn geometry(&self) -> &Geometry {
        self.first.geometry()
    }
    /// The metadata of the archive.
    pub fn meta(&self) -> &Meta {
        self.first.meta()
    }
    /// The bundle, the pack, or the first pack.
    pub fn archive(&self) -> &Archive {
        &self.first
    }

    /// Names what it holds. That of a bundle was computed when it was opened. A pack says of itself of which encode it is, so what is
    /// known of its bytes is named as well.
    pub fn content(&self) -> String {
        let content = &self.meta().content;
        match self.first.kind() {
            Kind::Bundle => format!("content-{content}"),
            Kind::Pack => format!("content-{content}-pack-{:016x}", self.first.identity()),
        }
    }

    /// All families here, row by row.
    pub fn families(&self) -> Vec<FamilyId> {
        if let Some((_, ids)) = &self.packs {
            return ids.clone();
        }
        let mut ids: Vec<_> = self.first.families().iter().map(|entry| entry.id).collect();
        ids.sort_by_key(|id| (id.y(), id.x()));
        ids
    }

    /// The file that holds a family.
    pub fn path(&self, id: FamilyId) -> PathBuf {
        match &self.packs {
            Some((dir, _)) => dir.join(format!("{id}.pack")),
            None => self.first.path().to_path_buf(),
        }
    }

    /// Reads a family.
    ///
    /// # Errors
    /// Damage, with file and offset; a pack that belongs to another encode.
    pub fn read(&self, id: FamilyId) -> Result<FamilyRecord> {
        self.with(id, Archive::read_family)
    }

    /// As [`Self::read`], without holding a thread while an object at an address is waited for.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn load(&self, id: FamilyId) -> Result<FamilyRecord> {
        if self.packs.is_some() {
            return self.read(id);
        }
        let absent = || Error::input(self.first.path(), format!("family {id} is not here"));
        Ok(self.first.load_family(self.first.find(id).ok_or_else(absent)?).await?)
    }

    /// Says which families will be read soon: see [`Archive::will_read`].
    pub fn will_read(&self, ids: &[FamilyId]) {
        if self.packs.is_none() {
            drop(self.first.will_read(ids.iter().filter_map(|&id| self.first.find(id))));
        }
    }

    /// Reads only these payloads of a family, in this order.
    ///
    /// # Errors
    /// As [`Self::read`]; a payload that the family does not have.
    pub fn read_payloads(&self, id: FamilyId, kinds: &[PayloadKind]) -> Result<Vec<Payload>> {
        self.with(id, |archive, entry| archive.read_payloads(entry, kinds))
    }

    /// Reads a family with those of its payloads alone that are of these kinds.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_part(&self, id: FamilyId, kinds: &[PayloadKind]) -> Result<FamilyRecord> {
        self.with(id, |archive, entry| archive.read_part(entry, kinds))
    }

    /// Waits until a family has arrived, without holding a thread.
    pub async fn family_arrives(&self, id: FamilyId) {
        // Packs lie on a local disk.
        if let (None, Some(entry)) = (&self.packs, self.first.find(id)) {
            self.first.will_read([entry]).await;
        }
    }

    /// Waits until payloads of a family have arrived, without holding a thread: see [`Archive::payloads_arrive`].
    pub async fn payloads_arrive(&self, id: FamilyId, kinds: &[PayloadKind]) {
        // Packs lie on a local disk.
        if let (None, Some(entry)) = (&self.packs, self.first.find(id)) {
            self.first.payloads_arrive(entry, kinds).await;
        }
    }

    /// Whether tiles of L0 are stored as JPEG files, which go out as they are. The first family tells: a slide has one codec.
    ///
    /// # Errors
    /// A damaged record.
    pub fn stores_jpegs(&self) -> Result<bool> {
        if !self.meta().coding.originals {
            return Ok(false);
        }
        let Some(entry) = self.first.families().first() else { return Ok(true) };
        let head = self.first.read_head(entry)?;
        Ok(!head.iter().any(|payload| payload.codec == CodecId::Jpeg2000))
    }

    fn with<T>(
        &self,
        id: FamilyId,
        read: impl FnOnce(&Archive, &FamilyEntry) -> archive::Result<T>,
    ) -> Result<T> {
        let absent =
            |path: &Path| Error::input(path, format!("family {id} is not here; encode the whole slide"));
        let path = self.path(id);
        if self.packs.is_none() {
            let entry = self.first.find(id).ok_or_else(|| absent(self.first.path()))?;
            return Ok(read(&self.first, entry)?);
        }
        let pack = Archive::open(&path)?;
        if pack.kind() != Kind::Pack || pack.geometry() != self.geometry() || pack.meta() != self.meta() {
            let first = self.first.path().to_path_buf();
            return Err(Error::refused(&path, Refusal::OtherEncode { first }));
        }
        let entry = pack.find(id).ok_or_else(|| absent(&path))?;
        Ok(read(&pack, entry)?)
    }
}
