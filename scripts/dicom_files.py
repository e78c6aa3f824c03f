"""Whole-slide images in DICOM, made with pydicom: one picture in every form of storage.

    write(folder, name, picture, **form)     writes a file of a series; see Form
"""

import io
import zlib
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.pixels import get_encoder
from pydicom.uid import UID, generate_uid

CLASS = "1.2.840.10008.5.1.4.1.1.77.1.6"
EXPLICIT, IMPLICIT, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99"
RLE, JPEG, LOSSLESS_JPEG = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"
JPEGLS, JPEGLS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
J2K, J2K_LOSSY, HTJ2K = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.201"
NATIVE = (EXPLICIT, IMPLICIT, DEFLATED)
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"


@dataclass(frozen=True)
class Form:
    """How a picture is stored. Series and frame of reference are those of all files of a folder."""

    syntax: str = EXPLICIT
    photometric: str = "RGB"
    planar: int = 0
    tile: int = 64
    shows: str = "VOLUME"
    sparse: bool = False
    leave_out: tuple = ()  # tiles (row, column) that are missing, of a sparse image
    planes: int = 1
    paths: tuple = ("1",)
    jpeg: dict = field(default_factory=lambda: {"quality": 90, "subsampling": "4:2:2"})
    table: str = "basic"  # empty, extended
    fragments: int = 1
    part: tuple = ()  # first frame, last frame + 1, number, parts
    bits: int = 8
    spacing: float = 0.0005
    palettes: tuple = ()  # the brightest colour of each optical path


def tiles(picture, side):
    """Tiles by row and column, filled up with 128."""
    height, width = picture.shape[:2]
    for top in range(0, height, side):
        for left in range(0, width, side):
            tile = np.full((side, side, *picture.shape[2:]), 128, picture.dtype)
            part = picture[top : top + side, left : left + side]
            tile[: part.shape[0], : part.shape[1]] = part
            yield (top // side, left // side), tile


def coded(tile, form):
    """A stored frame."""
    if form.syntax in NATIVE:
        return (np.moveaxis(tile, 2, 0) if form.planar else tile).tobytes()
    if form.syntax == JPEG:
        out = io.BytesIO()
        Image.fromarray(tile).save(out, "JPEG", **form.jpeg)
        return out.getvalue()
    if form.syntax == DEFLATED_FRAMES:
        packer = zlib.compressobj(wbits=-15)
        return packer.compress((np.moveaxis(tile, 2, 0) if form.planar else tile).tobytes()) + packer.flush()
    options = {JPEGLS_NEAR: {"jls_error": 2}, J2K_LOSSY: {"j2k_psnr": [45]}}.get(form.syntax, {})
    if form.syntax in (HTJ2K, LOSSLESS_JPEG):
        return b"\0" * 64  # refused before a frame is looked at
    samples = 1 if tile.ndim == 2 else 3
    return get_encoder(UID(form.syntax)).encode(
        tile, rows=tile.shape[0], columns=tile.shape[1], samples_per_pixel=samples, number_of_frames=1,
        bits_allocated=16 if form.bits > 8 else 8, bits_stored=form.bits, pixel_representation=0, planar_configuration=0,
        photometric_interpretation=form.photometric, **options,
    )  # fmt: skip


def one(**values):
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return item


def optical_path(number, name, form):
    item = one(OpticalPathIdentifier=name, ObjectiveLensPower="20")
    if form.palettes:
        palette = Dataset()
        for colour, part in zip(("Red", "Green", "Blue"), form.palettes[number]):
            setattr(palette, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
            entries = (np.arange(256) * part // 255 * 257).astype("<u2").tobytes()
            setattr(palette, f"{colour}PaletteColorLookupTableData", entries)
        item.PaletteColorLookupTableSequence = [palette]
    return item


def header(picture, form, ids):
    height, width = picture.shape[:2]
    samples = 1 if picture.ndim == 2 else 3
    data = one(
        SOPClassUID=CLASS, SOPInstanceUID=generate_uid(), Modality="SM", PatientName="Doe^Jane", PatientID="1234",
        StudyInstanceUID=ids[0], SeriesInstanceUID=ids[1], FrameOfReferenceUID=ids[2], SeriesNumber=1, InstanceNumber=1,
        ImageType=["ORIGINAL", "PRIMARY", form.shows, "NONE"], ContainerIdentifier="CASE 1234",
        SamplesPerPixel=samples, PhotometricInterpretation=form.photometric, Rows=form.tile, Columns=form.tile,
        BitsAllocated=16 if form.bits > 8 else 8, BitsStored=form.bits, HighBit=form.bits - 1, PixelRepresentation=0,
        TotalPixelMatrixColumns=width, TotalPixelMatrixRows=height, TotalPixelMatrixFocalPlanes=form.planes,
        NumberOfOpticalPaths=len(form.paths), ImagedVolumeWidth=width * form.spacing,
        ImagedVolumeHeight=height * form.spacing, ImagedVolumeDepth=1.0, ImageOrientationSlide=[0, -1, 0, -1, 0, 0],
        SpecimenLabelInImage="NO", BurnedInAnnotation="NO", LossyImageCompression="00", VolumetricProperties="VOLUME",
        DimensionOrganizationType="TILED_SPARSE" if form.sparse else "TILED_FULL", FocusMethod="AUTO",
        ExtendedDepthOfField="NO", AcquisitionDateTime="20260101000000", StudyDate="20260101", StudyTime="000000",
        StudyID="1", AccessionNumber="", PatientBirthDate="", PatientSex="", ReferringPhysicianName="",
        Manufacturer="", ManufacturerModelName="", DeviceSerialNumber="1", SoftwareVersions="1", Laterality=None,
        TotalPixelMatrixOriginSequence=[one(XOffsetInSlideCoordinateSystem=0.0, YOffsetInSlideCoordinateSystem=0.0)],
        DimensionOrganizationSequence=[one(DimensionOrganizationUID=ids[3])],
        DimensionIndexSequence=[
            one(DimensionIndexPointer=tag, FunctionalGroupPointer=0x0048021A, DimensionOrganizationUID=ids[3])
            for tag in (0x0048021E, 0x0048021F)
        ],
        SharedFunctionalGroupsSequence=[one(
            PixelMeasuresSequence=[one(PixelSpacing=[form.spacing, form.spacing], SliceThickness=1.0,
                                       SpacingBetweenSlices=0.001)],
            WholeSlideMicroscopyImageFrameTypeSequence=[one(FrameType=["ORIGINAL", "PRIMARY", form.shows, "NONE"])],
        )],
        OpticalPathSequence=[optical_path(number, path, form) for number, path in enumerate(form.paths)],
    )  # fmt: skip
    if not form.sparse:
        identify = Dataset()
        identify.OpticalPathIdentifier = form.paths[0]
        data.SharedFunctionalGroupsSequence[0].OpticalPathIdentificationSequence = [identify]
    if samples == 3:
        data.PlanarConfiguration = form.planar
    return data


def position(row, column, form, path, plane):
    place = one(
        XOffsetInSlideCoordinateSystem=0.0, YOffsetInSlideCoordinateSystem=0.0,
        ZOffsetInSlideCoordinateSystem=plane / 1000, ColumnPositionInTotalImagePixelMatrix=column * form.tile + 1,
        RowPositionInTotalImagePixelMatrix=row * form.tile + 1,
    )  # fmt: skip
    return one(
        PlanePositionSlideSequence=[place],
        OpticalPathIdentificationSequence=[one(OpticalPathIdentifier=path)],
        FrameContentSequence=[one(DimensionIndexValues=[column + 1, row + 1])],
    )


def write(folder, name, picture, form=Form(), ids=None, **changes):
    """Writes a file and returns the identifiers of its series, for the next file."""
    form = replace(form, **changes)
    ids = ids or tuple(generate_uid() for _ in range(4))
    data = header(picture, form, ids)
    cut = [(at, tile) for at, tile in tiles(picture, form.tile) if at not in form.leave_out]
    frames, places = [], []
    for path in form.paths:
        for plane in range(form.planes):
            for (row, column), tile in cut:
                frames.append(coded(tile, form))
                places.append(position(row, column, form, path, plane))
    if form.sparse:
        # Last tile first: their order must not matter.
        frames, places = frames[::-1], places[::-1]
        data.PerFrameFunctionalGroupsSequence = places
    if form.part:
        first, last, data.InConcatenationNumber, data.InConcatenationTotalNumber = form.part
        data.ConcatenationUID, data.ConcatenationFrameOffsetNumber = ids[3], first
        frames = frames[first:last]
    data.NumberOfFrames = len(frames)
    if form.syntax in NATIVE:
        data.PixelData = b"".join(frames)
    elif form.table == "extended":
        data.PixelData, data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths = encapsulate_extended(frames)
    else:
        data.PixelData = encapsulate(frames, form.fragments, has_bot=form.table == "basic")
    data["PixelData"].VR = "OW" if form.bits > 8 or form.syntax == IMPLICIT else "OB"
    if form.syntax not in NATIVE:
        data["PixelData"].is_undefined_length = True
    data.file_meta = FileMetaDataset()
    # pydicom does not know deflated frames: they are written under a name of the same length, which is then replaced.
    data.file_meta.TransferSyntaxUID = UID(J2K if form.syntax == DEFLATED_FRAMES else form.syntax)
    folder.mkdir(parents=True, exist_ok=True)
    data.save_as(folder / name, enforce_file_format=True)
    if form.syntax == DEFLATED_FRAMES:
        written = (folder / name).read_bytes()
        (folder / name).write_bytes(written.replace(J2K.encode(), DEFLATED_FRAMES.encode() + b"\0", 1))
    return ids
