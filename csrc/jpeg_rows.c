/* Row-by-row JPEG decoding over libjpeg-turbo's libjpeg API, for src/slide/jpeg/decoder.rs; and the version of that
 * library, for src/codec/turbo/library.rs.
 *
 * setjmp catches every error here, and the caller gets a status and a message: no longjmp crosses a frame of the caller.
 * Bytes come from a callback, so the memory does not grow with the file. Warnings that mean lost or damaged image data
 * are errors; harmless ones (stray bytes between markers, odd JFIF versions) are ignored.
 *
 * This file knows nothing about files and colour profiles, and has no limit on sizes; the caller checks those first.
 */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

enum { INPUT_BYTES = 64 * 1024 };

/* Fills `buffer` with up to `length` bytes. Returns the count, 0 at the end, a negative number on a read error. */
typedef ptrdiff_t (*origami_read_fn)(void *context, uint8_t *buffer, size_t length);

typedef struct {
  struct jpeg_decompress_struct cinfo;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf on_error;
  origami_read_fn read;
  void *context;
  int scan_limit;
  int hit_end; /* the input ended before the end-of-image marker */
  char message[JMSG_LENGTH_MAX];
  JOCTET input[INPUT_BYTES];
} origami_jpeg;

static void fail(origami_jpeg *jpeg, const char *message) {
  strncpy(jpeg->message, message, sizeof jpeg->message - 1);
  jpeg->message[sizeof jpeg->message - 1] = '\0';
  longjmp(jpeg->on_error, 1);
}

static void on_error_exit(j_common_ptr cinfo) {
  origami_jpeg *jpeg = (origami_jpeg *)cinfo->client_data;
  (*cinfo->err->format_message)(cinfo, jpeg->message);
  longjmp(jpeg->on_error, 1);
}

/* Level -1 is a warning; levels from 0 on are traces. */
static void on_message(j_common_ptr cinfo, int level) {
  if (level >= 0) return;
  switch (cinfo->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM:
    case JWRN_NOT_SEQUENTIAL:
      return;
    default:
      on_error_exit(cinfo);
  }
}

static void on_output(j_common_ptr cinfo) { (void)cinfo; }

/* Called once for each row of blocks while a multi-scan image is read in. */
static void on_progress(j_common_ptr cinfo) {
  origami_jpeg *jpeg = (origami_jpeg *)cinfo->client_data;
  if (jpeg->cinfo.input_scan_number > jpeg->scan_limit) fail(jpeg, "more scans than any real image has");
}

static void source_start(j_decompress_ptr cinfo) { (void)cinfo; }
static void source_end(j_decompress_ptr cinfo) { (void)cinfo; }

static boolean source_fill(j_decompress_ptr cinfo) {
  origami_jpeg *jpeg = (origami_jpeg *)cinfo->client_data;
  ptrdiff_t got = jpeg->hit_end ? 0 : jpeg->read(jpeg->context, jpeg->input, INPUT_BYTES);
  if (got < 0 || got > INPUT_BYTES) fail(jpeg, "reading the file failed");
  if (got == 0) {
    /* Return an end-of-image marker; the entropy decoder warns if it needed more data. */
    jpeg->hit_end = 1;
    jpeg->input[0] = 0xFF;
    jpeg->input[1] = JPEG_EOI;
    got = 2;
  }
  jpeg->source.next_input_byte = jpeg->input;
  jpeg->source.bytes_in_buffer = (size_t)got;
  return TRUE;
}

static void source_skip(j_decompress_ptr cinfo, long count) {
  origami_jpeg *jpeg = (origami_jpeg *)cinfo->client_data;
  while (count > 0 && (size_t)count > jpeg->source.bytes_in_buffer) {
    count -= (long)jpeg->source.bytes_in_buffer;
    source_fill(cinfo);
    if (jpeg->hit_end) return; /* the segment is longer than the file */
  }
  if (count > 0) {
    jpeg->source.next_input_byte += count;
    jpeg->source.bytes_in_buffer -= (size_t)count;
  }
}

void origami_jpeg_free(origami_jpeg *jpeg) {
  if (jpeg == NULL) return;
  if (setjmp(jpeg->on_error) == 0) jpeg_destroy_decompress(&jpeg->cinfo);
  free(jpeg);
}

/* Returns a decoder that may use about `max_memory` bytes for coefficients; NULL if memory is short. */
origami_jpeg *origami_jpeg_new(origami_read_fn read, void *context, long max_memory, int scan_limit) {
  origami_jpeg *volatile jpeg = calloc(1, sizeof *jpeg); /* volatile: read after longjmp */
  if (jpeg == NULL) return NULL;
  jpeg->read = read;
  jpeg->context = context;
  jpeg->scan_limit = scan_limit;
  jpeg->cinfo.err = jpeg_std_error(&jpeg->errors);
  jpeg->errors.error_exit = on_error_exit;
  jpeg->errors.emit_message = on_message;
  jpeg->errors.output_message = on_output;
  jpeg->cinfo.client_data = jpeg;
  if (setjmp(jpeg->on_error)) {
    free(jpeg); /* creation failed: the library has allocated nothing */
    return NULL;
  }
  jpeg_create_decompress(&jpeg->cinfo);
  jpeg->cinfo.mem->max_memory_to_use = max_memory;
  jpeg->source.init_source = source_start;
  jpeg->source.fill_input_buffer = source_fill;
  jpeg->source.skip_input_data = source_skip;
  jpeg->source.resync_to_restart = jpeg_resync_to_restart;
  jpeg->source.term_source = source_end;
  jpeg->cinfo.src = &jpeg->source;
  jpeg->progress.progress_monitor = on_progress;
  jpeg->cinfo.progress = &jpeg->progress;
  return jpeg;
}

const char *origami_jpeg_message(const origami_jpeg *jpeg) { return jpeg->message; }

/* Reads a tables-only stream (TIFF's JPEGTables). The image then comes from the same callback. */
int origami_jpeg_tables(origami_jpeg *jpeg) {
  if (setjmp(jpeg->on_error)) return -1;
  if (jpeg_read_header(&jpeg->cinfo, FALSE) != JPEG_HEADER_TABLES_ONLY) fail(jpeg, "the tables hold an image");
  jpeg->source.bytes_in_buffer = 0;
  jpeg->hit_end = 0;
  return 0;
}

/* Reads the header. Row buffers must be sized by the three results. */
int origami_jpeg_header(origami_jpeg *jpeg, uint32_t *width, uint32_t *height, int *components) {
  if (setjmp(jpeg->on_error)) return -1;
  (void)jpeg_read_header(&jpeg->cinfo, TRUE);
  *width = jpeg->cinfo.image_width;
  *height = jpeg->cinfo.image_height;
  *components = jpeg->cinfo.num_components;
  return 0;
}

/* Starts decoding. `coded` is the colour space of the data: 1 RGB, 2 YCbCr, 0 as the library finds it. `samples` is that of the
 * rows: 1 gray, 3 RGB, 4 CMYK as stored. A multi-scan image is read as a whole here. */
int origami_jpeg_start(origami_jpeg *jpeg, int coded, int samples) {
  if (setjmp(jpeg->on_error)) return -1;
  if (coded == 1) jpeg->cinfo.jpeg_color_space = JCS_RGB;
  if (coded == 2) jpeg->cinfo.jpeg_color_space = JCS_YCbCr;
  jpeg->cinfo.out_color_space = samples == 1 ? JCS_GRAYSCALE : samples == 3 ? JCS_RGB : JCS_CMYK;
  jpeg->cinfo.dct_method = JDCT_ISLOW;
  (void)jpeg_start_decompress(&jpeg->cinfo);
  if (jpeg->hit_end && (jpeg->cinfo.arith_code || jpeg_has_multiple_scans(&jpeg->cinfo)))
    fail(jpeg, "the file ends before the image does");
  if (jpeg->cinfo.output_components != samples || jpeg->cinfo.output_width != jpeg->cinfo.image_width)
    fail(jpeg, "the decoder chose another output shape");
  return 0;
}

/* Decodes `rows` rows of `stride` bytes each to a buffer of rows * stride bytes. */
int origami_jpeg_rows(origami_jpeg *jpeg, uint8_t *out, size_t stride, uint32_t rows) {
  if (setjmp(jpeg->on_error)) return -1;
  if (stride < (size_t)jpeg->cinfo.output_width * (size_t)jpeg->cinfo.output_components)
    fail(jpeg, "row buffer too small");
  for (uint32_t row = 0; row < rows; row++) {
    JSAMPROW line = out + (size_t)row * stride;
    if (jpeg->cinfo.output_scanline >= jpeg->cinfo.output_height) fail(jpeg, "asked for rows below the image");
    if (jpeg_read_scanlines(&jpeg->cinfo, &line, 1) != 1) fail(jpeg, "the decoder stopped early");
  }
  if (jpeg->hit_end && jpeg->cinfo.arith_code) fail(jpeg, "the file ends before the image does");
  return 0;
}

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)

/* The release of libjpeg-turbo whose headers this file was compiled with. */
const char *origami_jpeg_version(void) { return TEXT(LIBJPEG_TURBO_VERSION); }

/* Whether that release was built with its SIMD routines. */
int origami_jpeg_has_simd(void) {
#ifdef WITH_SIMD
  return 1;
#else
  return 0;
#endif
}
