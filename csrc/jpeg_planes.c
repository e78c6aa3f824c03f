/* Planes to JPEG with restart markers, and with a quality of its own for chroma, over libjpeg-turbo's libjpeg API, for
 * src/codec/turbo/raw_encoder.rs: the TurboJPEG API has one quality for all planes, and the turbojpeg crate over it sets no
 * restart markers.
 *
 * setjmp catches every error here, and the caller gets a message: no longjmp crosses a frame of the caller.
 */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

enum { COMPONENTS = 3, MAX_FACTOR = 4, MAX_ROWS = MAX_FACTOR * DCTSIZE, FIRST_BYTES = 1 << 16 };

/* What src/codec/turbo/raw_encoder.rs fills in; its twin there has the same fields. */
typedef struct {
  const uint8_t *planes[COMPONENTS]; /* Y, Cb, Cr; each padded to whole MCUs */
  size_t strides[COMPONENTS];        /* bytes from one row to the next */
  uint32_t width;
  uint32_t height;
  int components;      /* 1 or 3 */
  int factors[2];      /* luma samples to a chroma sample, across and down: 1 to 4; 1 for gray */
  int luma_quality;    /* 1 to 100 */
  int chroma_quality;  /* 1 to 100 */
  int restart_rows;    /* MCU rows from one restart marker to the next, or 0 for none */
} origami_jpeg_image;

/* On the heap: a local variable that changes after setjmp is indeterminate after longjmp. */
typedef struct {
  struct jpeg_compress_struct cinfo;
  struct jpeg_error_mgr errors;
  struct jpeg_destination_mgr destination;
  jmp_buf on_error;
  char *message; /* the caller's buffer of JMSG_LENGTH_MAX bytes */
  JOCTET *bytes; /* the output, `capacity` bytes long */
  size_t capacity;
} origami_encoder;

static void on_error_exit(j_common_ptr cinfo) {
  origami_encoder *encoder = (origami_encoder *)cinfo->client_data;
  (*cinfo->err->format_message)(cinfo, encoder->message);
  longjmp(encoder->on_error, 1);
}

static void on_output(j_common_ptr cinfo) { (void)cinfo; }

/* Doubles the output buffer; writing goes on at `used`. */
static void grow(origami_encoder *encoder, size_t used) {
  size_t capacity = encoder->capacity == 0 ? FIRST_BYTES : 2 * encoder->capacity;
  JOCTET *bytes = capacity > encoder->capacity ? realloc(encoder->bytes, capacity) : NULL;
  if (bytes == NULL) ERREXIT1(&encoder->cinfo, JERR_OUT_OF_MEMORY, 0);
  encoder->bytes = bytes;
  encoder->capacity = capacity;
  encoder->destination.next_output_byte = bytes + used;
  encoder->destination.free_in_buffer = capacity - used;
}

static void on_start(j_compress_ptr cinfo) { grow((origami_encoder *)cinfo->client_data, 0); }

/* Called when the output buffer is full. */
static boolean on_full(j_compress_ptr cinfo) {
  origami_encoder *encoder = (origami_encoder *)cinfo->client_data;
  grow(encoder, encoder->capacity);
  return TRUE;
}

static void on_end(j_compress_ptr cinfo) { (void)cinfo; }

/* The tables of the JPEG standard, scaled to one quality for luma and to another for chroma. */
static void set_tables(j_compress_ptr cinfo, int luma, int chroma) {
  jpeg_set_quality(cinfo, luma, TRUE);
  JQUANT_TBL table = *cinfo->quant_tbl_ptrs[0];
  jpeg_set_quality(cinfo, chroma, TRUE);
  *cinfo->quant_tbl_ptrs[0] = table;
}

/* Codes `image` with Huffman tables made for it. Returns 0 and sets `*out` to memory for `origami_planes_free`; or returns -1 and
 * writes a message to `message`, a buffer of JMSG_LENGTH_MAX (200) bytes. */
int origami_jpeg_encode_planes(const origami_jpeg_image *image, uint8_t **out, unsigned long *out_bytes, char *message) {
  *out = NULL;
  *out_bytes = 0;
  origami_encoder *encoder = calloc(1, sizeof *encoder);
  if (encoder == NULL) {
    strcpy(message, "out of memory");
    return -1;
  }
  encoder->message = message;
  j_compress_ptr cinfo = &encoder->cinfo;
  cinfo->err = jpeg_std_error(&encoder->errors);
  encoder->errors.error_exit = on_error_exit;
  encoder->errors.output_message = on_output;
  cinfo->client_data = encoder;
  if (setjmp(encoder->on_error)) {
    jpeg_destroy_compress(&encoder->cinfo);
    free(encoder->bytes);
    free(encoder);
    return -1;
  }
  jpeg_create_compress(cinfo);
  cinfo->client_data = encoder;
  encoder->destination.init_destination = on_start;
  encoder->destination.empty_output_buffer = on_full;
  encoder->destination.term_destination = on_end;
  cinfo->dest = &encoder->destination;
  cinfo->image_width = image->width;
  cinfo->image_height = image->height;
  cinfo->input_components = image->components;
  cinfo->in_color_space = image->components == 1 ? JCS_GRAYSCALE : JCS_YCbCr;
  jpeg_set_defaults(cinfo);
  set_tables(cinfo, image->luma_quality, image->chroma_quality);
  cinfo->comp_info[0].h_samp_factor = image->factors[0];
  cinfo->comp_info[0].v_samp_factor = image->factors[1];
  cinfo->optimize_coding = TRUE;
  cinfo->restart_in_rows = image->restart_rows;
  cinfo->dct_method = JDCT_ISLOW;
  cinfo->raw_data_in = TRUE;
  jpeg_start_compress(cinfo, TRUE);
  JDIMENSION luma_rows = (JDIMENSION)(image->factors[1] * DCTSIZE);
  while (cinfo->next_scanline < image->height) {
    JSAMPROW rows[COMPONENTS][MAX_ROWS];
    JSAMPARRAY data[COMPONENTS] = {rows[0], rows[1], rows[2]};
    for (int plane = 0; plane < image->components; plane++) {
      size_t count = plane == 0 ? luma_rows : DCTSIZE;
      size_t first = cinfo->next_scanline / luma_rows * count;
      const uint8_t *samples = image->planes[plane] + first * image->strides[plane];
      for (size_t row = 0; row < count; row++) rows[plane][row] = (JSAMPROW)samples + row * image->strides[plane];
    }
    if (jpeg_write_raw_data(cinfo, data, luma_rows) == 0) ERREXIT(cinfo, JERR_CANT_SUSPEND);
  }
  jpeg_finish_compress(cinfo);
  jpeg_destroy_compress(cinfo);
  *out = encoder->bytes;
  *out_bytes = (unsigned long)(encoder->capacity - encoder->destination.free_in_buffer);
  free(encoder);
  return 0;
}

void origami_planes_free(uint8_t *bytes) { free(bytes); }
