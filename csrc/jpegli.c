/* Planes to JPEG through jpegli's C API, for src/codec/jpegli.rs.
 *
 * jpegli ends the process on an error that is not caught. setjmp catches every error here, and the caller gets a status
 * and a message: no longjmp crosses a frame of the caller, and every path frees every buffer.
 *
 * jpegli-sys builds the library but does not publish its header. That header is libjpeg-turbo's jpeglib.h at API version
 * 80, which the vendored libjpeg-turbo can provide: this file selects that version, whichever the other files of this
 * program use, and declares the functions itself. The library checks the size of the structure at run time.
 */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jconfig.h>
#define JCONFIG_INCLUDED
#undef JPEG_LIB_VERSION
#define JPEG_LIB_VERSION 80
#include <jpeglib.h>

extern struct jpeg_error_mgr *jpegli_std_error(struct jpeg_error_mgr *);
extern void jpegli_CreateCompress(j_compress_ptr, int, size_t);
extern void jpegli_set_defaults(j_compress_ptr);
extern void jpegli_set_quality(j_compress_ptr, int, boolean);
extern void jpegli_set_progressive_level(j_compress_ptr, int);
extern void jpegli_enable_adaptive_quantization(j_compress_ptr, boolean);
extern void jpegli_add_quant_table(j_compress_ptr, int, const unsigned int *, int, boolean);
extern void jpegli_start_compress(j_compress_ptr, boolean);
extern JDIMENSION jpegli_write_raw_data(j_compress_ptr, JSAMPIMAGE, JDIMENSION);
extern void jpegli_finish_compress(j_compress_ptr);
extern void jpegli_destroy_compress(j_compress_ptr);

enum { COMPONENTS = 3, MAX_ROWS = 2 * DCTSIZE, FIRST_BYTES = 1 << 16 };

/* What src/codec/jpegli.rs fills in; its twin there has the same fields. */
typedef struct {
  const uint8_t *planes[COMPONENTS];
  size_t strides[COMPONENTS];
  uint32_t width;
  uint32_t height;
  int components;            /* 1 or 3 */
  int factor;                /* luma samples to a chroma sample, each way: 1 or 2 */
  int quality;               /* 1 to 100 */
  int flat_steps[2];         /* one step for all frequencies, of luma and of chroma, or 0 for jpegli's own tables */
  int restart_rows;          /* MCU rows from one restart marker to the next, or 0 for none */
  int adaptive;              /* whether jpegli may quantise some blocks more coarsely than others */
} origami_jpegli_image;

typedef struct {
  struct jpeg_compress_struct cinfo;
  struct jpeg_error_mgr errors;
  struct jpeg_destination_mgr destination;
  jmp_buf on_error;
  uint8_t *bytes;
  size_t capacity;
  uint8_t *rows; /* MAX_ROWS padded rows of each component */
  char message[JMSG_LENGTH_MAX];
} encoder;

static void fail(encoder *e, const char *message) {
  strncpy(e->message, message, sizeof e->message - 1);
  e->message[sizeof e->message - 1] = '\0';
  longjmp(e->on_error, 1);
}

static void on_error_exit(j_common_ptr cinfo) {
  encoder *e = (encoder *)cinfo->client_data;
  (*cinfo->err->format_message)(cinfo, e->message);
  longjmp(e->on_error, 1);
}

static void on_output(j_common_ptr cinfo) { (void)cinfo; }

static void destination_start(j_compress_ptr cinfo) {
  encoder *e = (encoder *)cinfo->client_data;
  e->capacity = FIRST_BYTES;
  e->bytes = (uint8_t *)malloc(e->capacity);
  if (!e->bytes) fail(e, "out of memory");
  e->destination.next_output_byte = e->bytes;
  e->destination.free_in_buffer = e->capacity;
}

/* By libjpeg's rule the whole buffer is full here, whatever free_in_buffer says. */
static boolean destination_grow(j_compress_ptr cinfo) {
  encoder *e = (encoder *)cinfo->client_data;
  size_t used = e->capacity;
  uint8_t *bytes = used > SIZE_MAX / 2 ? NULL : (uint8_t *)realloc(e->bytes, 2 * used);
  if (!bytes) fail(e, "out of memory");
  e->bytes = bytes;
  e->capacity = 2 * used;
  e->destination.next_output_byte = e->bytes + used;
  e->destination.free_in_buffer = e->capacity - used;
  return TRUE;
}

static void destination_end(j_compress_ptr cinfo) { (void)cinfo; }

/* Writes one row of MCUs. jpegli reads whole blocks, so rows are copied and their last samples repeated. */
static void write_rows(encoder *e, const origami_jpegli_image *image, size_t padded, uint32_t y) {
  JSAMPROW rows[COMPONENTS][MAX_ROWS];
  JSAMPARRAY planes[COMPONENTS];
  for (int c = 0; c < image->components; c++) {
    int factor = c == 0 ? 1 : image->factor;
    size_t width = (image->width + factor - 1) / factor;
    uint32_t height = (image->height + factor - 1) / factor;
    int count = c == 0 ? image->factor * DCTSIZE : DCTSIZE;
    for (int i = 0; i < count; i++) {
      uint32_t at = y / factor + i;
      const uint8_t *from = image->planes[c] + (size_t)(at < height ? at : height - 1) * image->strides[c];
      uint8_t *to = e->rows + ((size_t)c * MAX_ROWS + i) * padded;
      memcpy(to, from, width);
      memset(to + width, from[width - 1], padded - width);
      rows[c][i] = to;
    }
    planes[c] = rows[c];
  }
  JDIMENSION lines = (JDIMENSION)(image->factor * DCTSIZE);
  if (jpegli_write_raw_data(&e->cinfo, planes, lines) != lines) fail(e, "jpegli took no rows");
}

static void compress(encoder *e, const origami_jpegli_image *image) {
  j_compress_ptr cinfo = &e->cinfo;
  if (image->components != 1 && image->components != COMPONENTS) fail(e, "neither gray nor three components");
  if (image->factor != 1 && image->factor != 2) fail(e, "chroma that is neither whole nor half");
  jpegli_CreateCompress(cinfo, JPEG_LIB_VERSION, sizeof *cinfo);
  cinfo->client_data = e;
  cinfo->dest = &e->destination;
  cinfo->image_width = image->width;
  cinfo->image_height = image->height;
  cinfo->input_components = image->components;
  cinfo->in_color_space = image->components == 1 ? JCS_GRAYSCALE : JCS_YCbCr;
  jpegli_set_defaults(cinfo);
  jpegli_set_progressive_level(cinfo, 0);
  jpegli_set_quality(cinfo, image->quality, TRUE);
  jpegli_enable_adaptive_quantization(cinfo, image->adaptive ? TRUE : FALSE);
  if (image->flat_steps[0]) {
    unsigned int table[DCTSIZE2];
    /* jpegli has up to three tables, one for each component. */
    for (int t = 0; t < image->components; t++) {
      for (int i = 0; i < DCTSIZE2; i++) table[i] = (unsigned int)image->flat_steps[t > 0];
      jpegli_add_quant_table(cinfo, t, table, 100, TRUE);
    }
  }
  cinfo->optimize_coding = TRUE;
  cinfo->raw_data_in = TRUE;
  cinfo->restart_in_rows = image->restart_rows;
  for (int c = 0; c < image->components; c++) {
    cinfo->comp_info[c].h_samp_factor = c == 0 ? image->factor : 1;
    cinfo->comp_info[c].v_samp_factor = c == 0 ? image->factor : 1;
  }
  size_t block = (size_t)image->factor * DCTSIZE;
  size_t padded = (image->width + block - 1) / block * block;
  e->rows = (uint8_t *)malloc(COMPONENTS * MAX_ROWS * padded);
  if (!e->rows) fail(e, "out of memory");
  jpegli_start_compress(cinfo, TRUE);
  for (uint32_t y = 0; y < image->height; y += (uint32_t)block) write_rows(e, image, padded, y);
  jpegli_finish_compress(cinfo);
}

/* Codes `image` as baseline JPEG. Returns 0 and sets *size, and *out to memory for origami_jpegli_free; or returns 1 and writes
 * a message to `message`, a buffer of at least JMSG_LENGTH_MAX (200) bytes. */
int origami_jpegli_encode(const origami_jpegli_image *image, uint8_t **out, size_t *size, char *message) {
  *out = NULL;
  *size = 0;
  encoder *e = (encoder *)calloc(1, sizeof *e);
  if (!e) {
    strcpy(message, "out of memory");
    return 1;
  }
  e->cinfo.err = jpegli_std_error(&e->errors);
  e->errors.error_exit = on_error_exit;
  e->errors.output_message = on_output;
  e->cinfo.client_data = e;
  e->destination.init_destination = destination_start;
  e->destination.empty_output_buffer = destination_grow;
  e->destination.term_destination = destination_end;
  int failed = setjmp(e->on_error);
  if (failed) {
    memcpy(message, e->message, sizeof e->message);
    free(e->bytes);
  } else {
    compress(e, image);
    *out = e->bytes;
    *size = e->capacity - e->destination.free_in_buffer;
  }
  jpegli_destroy_compress(&e->cinfo);
  free(e->rows);
  free(e);
  return failed;
}

void origami_jpegli_free(uint8_t *bytes) { free(bytes); }
