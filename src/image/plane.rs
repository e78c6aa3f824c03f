//! One colour component of an image: rows of samples with a stride.
//!
//! Knows nothing of the meaning of the samples.

/// An owned plane. Rows are `stride` samples apart; `stride >= width`. Equal planes have equal samples; what lies between the rows is
/// unspecified.
#[derive(Clone, Debug, Default)]
pub struct Plane<T = u8> {
    width: usize,
    height: usize,
    stride: usize,
    data: Vec<T>,
}

/// A borrowed, read-only plane or part of one.
#[derive(Clone, Copy, Debug)]
pub struct PlaneRef<'a, T = u8> {
    /// Samples a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Samples from one row to the next.
    pub stride: usize,
    data: &'a [T],
}

impl<T: Copy + Default + PartialEq> PartialEq for Plane<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.width, self.height) == (other.width, other.height)
            && (0..self.height).all(|y| self.row(y) == other.row(y))
    }
}

impl<T: Copy + Default + Eq> Eq for Plane<T> {}

impl<T: Copy + Default> Plane<T> {
    /// A plane of zeros, rows tightly packed.
    pub fn new(width: usize, height: usize) -> Self {
        Self::filled(width, height, T::default())
    }

    /// A plane of one value, rows tightly packed.
    pub fn filled(width: usize, height: usize, value: T) -> Self {
        Self { width, height, stride: width, data: vec![value; width * height] }
    }

    /// A plane of the samples in `data`, row by row, tightly packed.
    ///
    /// # Panics
    /// `data.len() != width * height`: a mistake of the caller.
    pub fn from_vec(width: usize, height: usize, data: Vec<T>) -> Self {
        assert_eq!(data.len(), width * height, "samples of a {width}x{height} plane");
        Self { width, height, stride: width, data }
    }

    /// Changes the size and reuses the memory. The samples are then unspecified (old values or zero).
    pub fn reset(&mut self, width: usize, height: usize) {
        self.width = width;
        self.height = height;
        self.stride = width;
        self.data.resize(width * height, T::default());
    }

    /// The memory of the samples, rows `stride` apart.
    pub fn into_vec(self) -> Vec<T> {
        self.data
    }

    /// The samples alone, row after row.
    pub fn into_packed(self) -> Vec<T> {
        let is_packed = self.stride == self.width && self.data.len() == self.width * self.height;
        if is_packed { self.data } else { self.view().to_plane().data }
    }

    /// Samples a row.
    pub fn width(&self) -> usize {
        self.width
    }
    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }
    /// Samples from one row to the next.
    pub fn stride(&self) -> usize {
        self.stride
    }
    /// One row.
    pub fn row(&self, y: usize) -> &[T] {
        &self.data[y * self.stride..][..self.width]
    }
    /// One row, mutable.
    pub fn row_mut(&mut self, y: usize) -> &mut [T] {
        &mut self.data[y * self.stride..][..self.width]
    }
    /// All samples, and the padding between the rows.
    pub fn data(&self) -> &[T] {
        &self.data
    }
    /// As [`Self::data`], mutable.
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }
    /// The whole plane, borrowed.
    pub fn view(&self) -> PlaneRef<'_, T> {
        PlaneRef { width: self.width, height: self.height, stride: self.stride, data: &self.data }
    }
    /// Shrinks the plane to its top left corner; the stride stays.
    pub fn crop(&mut self, width: usize, height: usize) {
        assert!(width <= self.width && height <= self.height, "a crop lies inside its plane");
        self.width = width;
        self.height = height;
    }
    /// Becomes a tightly packed copy of `src` and reuses the memory.
    pub fn copy_from(&mut self, src: PlaneRef<'_, T>) {
        (self.width, self.height, self.stride) = (src.width, src.height, src.width);
        self.data.clear();
        (0..src.height).for_each(|y| self.data.extend_from_slice(src.row(y)));
    }
    /// Copies `src` to `(x, y)`; the part that lies outside is skipped.
    pub fn paste(&mut self, x: usize, y: usize, src: PlaneRef<'_, T>) {
        let width = src.width.min(self.width.saturating_sub(x));
        for row in 0..src.height.min(self.height.saturating_sub(y)) {
            self.row_mut(y + row)[x..x + width].copy_from_slice(&src.row(row)[..width]);
        }
    }
}

impl<'a, T: Copy + Default> PlaneRef<'a, T> {
    /// A view over borrowed samples.
    ///
    /// # Panics
    /// `data` is too short for the shape: a mistake of the caller.
    pub fn new(data: &'a [T], width: usize, height: usize, stride: usize) -> Self {
        assert!(stride >= width && (height == 0 || data.len() >= (height - 1) * stride + width));
        Self { width, height, stride, data }
    }
    /// One row.
    pub fn row(&self, y: usize) -> &'a [T] {
        &self.data[y * self.stride..][..self.width]
    }
    /// All samples from the first row on, including what lies between the rows and, in a part, behind the last one.
    pub fn data(&self) -> &'a [T] {
        self.data
    }
    /// A part of the plane.
    ///
    /// # Panics
    /// The part does not lie inside: a mistake of the caller.
    pub fn part(&self, x: usize, y: usize, width: usize, height: usize) -> PlaneRef<'a, T> {
        assert!(x + width <= self.width && y + height <= self.height, "a part lies inside its plane");
        let data = if width == 0 || height == 0 { &[] } else { &self.data[y * self.stride + x..] };
        PlaneRef { width, height, stride: self.stride, data }
    }
    /// A tightly packed copy.
    pub fn to_plane(&self) -> Plane<T> {
        let mut data = Vec::with_capacity(self.width * self.height);
        for y in 0..self.height {
            data.extend_from_slice(self.row(y));
        }
        Plane { width: self.width, height: self.height, stride: self.width, data }
    }
    /// A copy enlarged to `width` x `height`: the last column and row are repeated.
    pub fn extended(&self, width: usize, height: usize) -> Plane<T> {
        let mut data = Vec::with_capacity(width * height);
        for y in 0..height {
            let row = self.row(y.min(self.height - 1));
            data.extend_from_slice(&row[..self.width.min(width)]);
            data.resize((y + 1) * width, row[self.width - 1]);
        }
        Plane { width, height, stride: width, data }
    }
    /// All samples in one slice, if rows are tightly packed or there is one row.
    pub fn packed(&self) -> Option<&'a [T]> {
        (self.stride == self.width || self.height == 1).then(|| &self.data[..self.width * self.height])
    }
}
