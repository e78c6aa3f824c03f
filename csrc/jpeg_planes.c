/* One 4:2:0 JPEG with a quality of its own for chroma, over libjpeg-turbo's libjpeg API, for
 * src/codec/turbo/two_qualities.rs: the TurboJPEG API has one quality for all planes.
 *
 * Every error is caught here with setjmp and comes back as a message: nothing ever jumps over a frame of the caller.
 */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

enum { LUMA_ROWS = 2 * DCTSIZE, CHROMA_ROWS = DCTSIZE, FIRST_BYTES = 1 << 16 };

/* On the heap: what lies on the stack and changes after setjmp is lost after longjmp. */
typedef struct {
  struct jpeg_compress_struct cinfo;
  struct jpeg_error_mgr errors;
  struct jpeg_destination_mgr destination;
  jmp_buf on_error;
  char *message; /* of the caller, JMSG_LENGTH_MAX bytes */
  JOCTET *bytes; /* what is written, `capacity` bytes long */
  size_t capacity;
} origami_encoder;

static void on_error_exit(j_common_ptr cinfo) {
  origami_encoder *encoder = (origami_encoder *)cinfo->client_data;
  (*cinfo->err->format_message)(cinfo, encoder->message);
  longjmp(encoder->on_error, 1);
}

static void on_output(j_common_ptr cinfo) { (void)cinfo; }

/* Goes on writing at `used` in memory of twice the length. */
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

/* Called where the memory is full to its end. */
static boolean on_full(j_compress_ptr cinfo) {
  origami_encoder *encoder = (origami_encoder *)cinfo->client_data;
  grow(encoder, encoder->capacity);
  return TRUE;
}

static void on_end(j_compress_ptr cinfo) { (void)cinfo; }

/* The standard's tables for luma at one quality, for chroma at another. */
static void set_tables(j_compress_ptr cinfo, int luma, int chroma) {
  jpeg_set_quality(cinfo, luma, TRUE);
  JQUANT_TBL table = *cinfo->quant_tbl_ptrs[0];
  jpeg_set_quality(cinfo, chroma, TRUE);
  *cinfo->quant_tbl_ptrs[0] = table;
}

/* Codes `width` x `height` pixels with Huffman tables made for them. `planes` are Y, Cb, Cr of `strides` bytes a row, padded:
 * luma to a multiple of 16 both ways, chroma to half of that. A restart marker follows every `restart_rows` MCU rows, none where
 * that is 0. Gives 0 and, in `*out`, memory for `origami_planes_free`;
 * or -1 and a message of at most JMSG_LENGTH_MAX (200) bytes. */
int origami_jpeg_encode_420(const uint8_t *const planes[3], const size_t strides[3], uint32_t width, uint32_t height,
                            int luma_quality, int chroma_quality, int restart_rows, uint8_t **out,
                            unsigned long *out_bytes, char *message) {
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
  cinfo->image_width = width;
  cinfo->image_height = height;
  cinfo->input_components = 3;
  cinfo->in_color_space = JCS_YCbCr;
  jpeg_set_defaults(cinfo);
  set_tables(cinfo, luma_quality, chroma_quality);
  cinfo->comp_info[0].h_samp_factor = 2;
  cinfo->comp_info[0].v_samp_factor = 2;
  cinfo->optimize_coding = TRUE;
  cinfo->restart_in_rows = restart_rows;
  cinfo->dct_method = JDCT_ISLOW;
  cinfo->raw_data_in = TRUE;
  jpeg_start_compress(cinfo, TRUE);
  while (cinfo->next_scanline < height) {
    JSAMPROW rows[3][LUMA_ROWS];
    JSAMPARRAY data[3] = {rows[0], rows[1], rows[2]};
    for (int plane = 0; plane < 3; plane++) {
      size_t count = plane == 0 ? LUMA_ROWS : CHROMA_ROWS;
      size_t first = plane == 0 ? cinfo->next_scanline : cinfo->next_scanline / 2;
      for (size_t row = 0; row < count; row++) rows[plane][row] = (JSAMPROW)planes[plane] + (first + row) * strides[plane];
    }
    if (jpeg_write_raw_data(cinfo, data, LUMA_ROWS) == 0) ERREXIT(cinfo, JERR_CANT_SUSPEND);
  }
  jpeg_finish_compress(cinfo);
  jpeg_destroy_compress(cinfo);
  *out = encoder->bytes;
  *out_bytes = (unsigned long)(encoder->capacity - encoder->destination.free_in_buffer);
  free(encoder);
  return 0;
}

void origami_planes_free(uint8_t *bytes) { free(bytes); }
