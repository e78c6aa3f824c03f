//! Numbers of the tags that are read: TIFF 6.0; `SUB_IFDS` Adobe PageMaker 6.0 TIFF Technical Notes, `JPEG_TABLES` TIFF Technical
//! Note 2, `ICC_PROFILE` ICC.1.

pub const NEW_SUBFILE_TYPE: u16 = 254;
pub const SUBFILE_TYPE: u16 = 255;
pub const IMAGE_WIDTH: u16 = 256;
pub const IMAGE_LENGTH: u16 = 257;
pub const BITS_PER_SAMPLE: u16 = 258;
pub const COMPRESSION: u16 = 259;
pub const PHOTOMETRIC: u16 = 262;
pub const FILL_ORDER: u16 = 266;
pub const IMAGE_DESCRIPTION: u16 = 270;
pub const MAKE: u16 = 271;
pub const MODEL: u16 = 272;
pub const STRIP_OFFSETS: u16 = 273;
pub const ORIENTATION: u16 = 274;
pub const SAMPLES_PER_PIXEL: u16 = 277;
pub const ROWS_PER_STRIP: u16 = 278;
pub const STRIP_BYTE_COUNTS: u16 = 279;
pub const X_RESOLUTION: u16 = 282;
pub const Y_RESOLUTION: u16 = 283;
pub const PLANAR_CONFIGURATION: u16 = 284;
pub const GRAY_RESPONSE_CURVE: u16 = 291;
pub const RESOLUTION_UNIT: u16 = 296;
pub const TRANSFER_FUNCTION: u16 = 301;
pub const PREDICTOR: u16 = 317;
pub const WHITE_POINT: u16 = 318;
pub const PRIMARY_CHROMATICITIES: u16 = 319;
pub const COLOR_MAP: u16 = 320;
pub const TILE_WIDTH: u16 = 322;
pub const TILE_LENGTH: u16 = 323;
pub const TILE_OFFSETS: u16 = 324;
pub const TILE_BYTE_COUNTS: u16 = 325;
pub const SUB_IFDS: u16 = 330;
pub const INK_SET: u16 = 332;
pub const NUMBER_OF_INKS: u16 = 334;
pub const DOT_RANGE: u16 = 336;
pub const EXTRA_SAMPLES: u16 = 338;
pub const SAMPLE_FORMAT: u16 = 339;
pub const S_MIN_SAMPLE_VALUE: u16 = 340;
pub const S_MAX_SAMPLE_VALUE: u16 = 341;
pub const INDEXED: u16 = 346;
pub const JPEG_TABLES: u16 = 347;
pub const YCBCR_COEFFICIENTS: u16 = 529;
pub const REFERENCE_BLACK_WHITE: u16 = 532;
pub const XMP: u16 = 700;
/// Silicon Graphics: an opacity is stored with the colours, multiplied into them.
pub const MATTEING: u16 = 32995;
/// Silicon Graphics: planes of a volume.
pub const IMAGE_DEPTH: u16 = 32997;
/// Molecular Dynamics: 2 where samples are square roots.
pub const MD_FILE_TAG: u16 = 33445;
/// MetaMorph: one pair of values for each plane of a stack, of which only the first has a directory.
pub const UIC2: u16 = 33629;
pub const ICC_PROFILE: u16 = 34675;
/// A private tag that only Hamamatsu's NDPI files have.
pub const NDPI_FORMAT: u16 = 65420;
/// NDPI: magnification of the objective; negative of images beside the slide.
pub const NDPI_LENS: u16 = 65421;
/// NDPI: depth of the focal plane in nanometres.
pub const NDPI_Z_OFFSET: u16 = 65424;
/// NDPI: where the restart intervals of the JPEG begin, and the upper halves of these.
pub const NDPI_STARTS: u16 = 65426;
pub const NDPI_STARTS_HIGH: u16 = 65432;
