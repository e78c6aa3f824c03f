//! A captioned video. One ffmpeg decodes, captions and codes it. Where captions have effects of CSS, one decodes it, the effects are laid
//! over its frames here, and another draws the other captions and codes it.

use std::path::Path;
use std::process::Command;

use super::captions::Script;
use super::effects::Effects;
use super::error::{Error, Result};
use super::ffmpeg::{Child, Media, frame_times, input, media, raw_input};
use super::job::{Rendered, Rendering, sound};
use super::plan::{Cue, Format, Tour};
use super::scene::write;

/// A video, and what is to become of it.
struct Captioned<'a> {
    tour: &'a Tour,
    path: &'a Path,
    own: Media,
    format: Format,
    seconds: f64,
    frames: u64,
    effects: Effects,
    /// The script as a filter reads it.
    script: String,
}

/// Captions a video, and writes it to `out`.
pub fn of_video(tour: &Tour, path: &Path, with: &Rendering<'_>, work: &Path, out: &Path) -> Result<Rendered> {
    let own = media(with.ffmpeg, path, &with.cancel)?;
    let format = tour.format_over(own.format);
    let seconds = tour.options.duration.unwrap_or(own.duration).min(own.duration);
    let frames = format.first_frame_at(seconds).max(1);
    let effects = Effects::draw(tour, format, work, &with.cancel)?;
    let mut script = Script::new(format, 0..u64::MAX);
    let others = |&(number, _): &(usize, &Cue)| !effects.has(number);
    tour.cues.iter().enumerate().filter(others).for_each(|(_, cue)| script.cue(cue));
    if let Some(title) = &tour.title {
        script.title(title);
    }
    let script = write(&work.join("captions.ass"), &script.text())?;
    let video = Captioned { tour, path, own, format, seconds, frames, effects, script };
    (with.progress)(0, frames);
    match video.effects.is_empty() {
        true => video.by_one(with, out)?,
        false => video.by_two(with, out)?,
    }
    let found = frame_times(with.ffmpeg, out, &with.cancel)?.len() as u64;
    // The container's length may be that of its sound, and end a frame later than its pictures.
    if found == 0 || found.abs_diff(frames) > 1 {
        return Err(Error::FrameCount { path: out.into(), found, expected: frames });
    }
    (with.progress)(found, found);
    let notes = video.effects.notes().to_vec();
    Ok(Rendered { format, frames: found, segments: 1, repeated: 0, bytes: 0, notes })
}

impl Captioned<'_> {
    fn by_one(&self, with: &Rendering<'_>, out: &Path) -> Result<()> {
        let mut command = with.ffmpeg.command();
        with.encoder.device(&mut command);
        input(&mut command, self.path);
        self.sound(&mut command, 0);
        let filters = format!("{},ass=filename={}", self.fitted(""), self.script);
        command.args(["-vf", &with.encoder.filters(&filters), "-frames:v", &self.frames.to_string()]);
        with.encoder.codec(&mut command, self.tour.options.quality, self.format);
        command.args(["-movflags", "+faststart"]).arg(out);
        let tell = |count: u64| (with.progress)(count.min(self.frames), self.frames);
        Child::start_counting(command, &self.task(), &with.cancel)?.wait(&tell)
    }

    fn by_two(&self, with: &Rendering<'_>, out: &Path) -> Result<()> {
        let mut decode = with.ffmpeg.command();
        input(&mut decode, self.path).args(["-map", "0:v:0", "-t", &format!("{:.6}", self.seconds)]);
        // Frames have no times in a pipe: the first one is that of the time 0.
        let filters = self.fitted(":start_time=0");
        decode.args(["-vf", &filters, "-frames:v", &self.frames.to_string(), "-f", "rawvideo", "-"]);
        let mut code = with.ffmpeg.command();
        with.encoder.device(&mut code);
        code.args(raw_input(self.format));
        if self.tour.audio.is_none() {
            input(&mut code, self.path);
        }
        self.sound(&mut code, 1);
        let filters = format!("ass=filename={}", self.script);
        code.args(["-vf", &with.encoder.filters(&filters), "-fps_mode", "passthrough"]);
        with.encoder.codec(&mut code, self.tour.options.quality, self.format);
        code.args(["-movflags", "+faststart"]).arg(out);
        let bytes = 3 * self.format.width as usize * self.format.height as usize;
        let (decoder, mut frames) = Child::start_frames(decode, bytes, &self.task(), &with.cancel)?;
        let mut coder = Child::start(code, &self.task(), &with.cancel)?;
        let mut count = 0;
        while let Some(mut frame) =
            frames.next().map_err(|e| Error::Ffmpeg { task: self.task(), said: e.to_string() })?
        {
            with.cancel.check()?;
            self.effects.lay(count, self.format, &mut frame);
            coder.write(&frame)?;
            count += 1;
            (with.progress)(count.min(self.frames), self.frames);
        }
        decoder.finish()?;
        coder.finish()
    }

    fn task(&self) -> String {
        format!("caption {}", self.path.display())
    }

    /// The filters that bring the video to the format of the tour, in RGB.
    fn fitted(&self, times: &str) -> String {
        let Format { width, height, fps: (above, below) } = self.format;
        format!(
            "fps={above}/{below}{times},scale={width}:{height}:force_original_aspect_ratio=decrease,\
             pad={width}:{height}:-1:-1,setsar=1,format=rgb24"
        )
    }

    /// Takes the pictures of the first input, and the sound of the tour, or that of the video, which is this input.
    fn sound(&self, command: &mut Command, of_video: usize) {
        if self.tour.audio.is_some() {
            return sound(command, self.tour.audio.as_ref(), self.seconds);
        }
        let own = format!("{of_video}:a?");
        command.args(["-map", "0:v:0", "-map", &own, "-t", &format!("{:.6}", self.seconds)]);
        // What MP4 holds is kept as it is.
        let known = ["aac", "mp3", "ac3", "eac3", "alac", "opus"];
        let kept = self.own.audio.as_deref().is_some_and(|codec| known.contains(&codec));
        command.args(["-c:a", if kept { "copy" } else { "aac" }]);
    }
}
