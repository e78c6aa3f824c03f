//! An open device: its queue, the pipelines, and how passes are recorded.
//!
//! Every kernel has the same three bindings: the planes of the batch, tables, jobs. They are declared once,
//! here and in `shaders/lib/planes.wgsl`; pipeline creation checks one against the other.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, RwLock, RwLockReadGuard};
use std::time::Duration;

use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, BindGroupLayout, BindGroupLayoutDescriptor,
    BindGroupLayoutEntry, BindingResource, BindingType, Buffer, BufferBinding, BufferBindingType,
    BufferDescriptor, BufferUsages, ComputePipeline, ComputePipelineDescriptor, DeviceDescriptor,
    ErrorFilter, PipelineCompilationOptions, PipelineLayoutDescriptor, ShaderModuleDescriptor, ShaderSource,
    ShaderStages,
};

use super::adapter::{AdapterFacts, GpuAdapter};
use super::batch_jobs::Dispatch;
use super::fault::{Fault, Faults, Stage};
use super::job::JOB_WINDOW_BYTES;
use super::pass::Pass;
use super::shader::Kernel;
use crate::backend::GpuError;

/// An open adapter with every pipeline built.
pub struct Device {
    /// The adapter.
    pub facts: AdapterFacts,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) faults: Faults,
    layout: BindGroupLayout,
    pipelines: HashMap<Pass, ComputePipeline>,
    /// Whether its clock can be read between copies and kernels.
    pub(super) times_copies: bool,
    failure: Arc<OnceLock<GpuError>>,
    buffers: AtomicU64,
    copies: RwLock<()>,
}

impl Device {
    /// Opens an adapter and builds the pipelines.
    ///
    /// # Errors
    /// The driver refuses the device, or a shader does not compile.
    pub fn open(adapter: GpuAdapter, faults: Faults) -> Result<Self, GpuError> {
        let GpuAdapter { facts, adapter } = adapter;
        match faults.at(Stage::Open) {
            None => {}
            Some(Fault::OutOfMemory) => return Err(GpuError::OutOfMemory("injected".into())),
            Some(_) => return Err(GpuError::Open("injected".into())),
        }
        let clocks = wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS;
        let clocks = adapter.features() & clocks;
        let descriptor = DeviceDescriptor {
            label: Some("origami"),
            required_features: clocks,
            required_limits: adapter.limits(),
            memory_hints: wgpu::MemoryHints::Manual {
                suballocated_device_memory_block_size: 1 << 20..(1 << 20) + 1,
            },
            ..DeviceDescriptor::default()
        };
        let opened = pollster::block_on(adapter.request_device(&descriptor));
        let (device, queue) = opened.map_err(|e| GpuError::Open(one_line(&e.to_string())))?;

        let failure = Arc::new(OnceLock::new());
        let lost = failure.clone();
        device.set_device_lost_callback(move |_, message| {
            let reason =
                if message.is_empty() { "the driver gives no reason".into() } else { one_line(&message) };
            lost.set(GpuError::Lost(reason)).unwrap_or_default();
        });
        let other = failure.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            other.set(as_gpu_error(error)).unwrap_or_default();
        }));

        let layout = device.create_bind_group_layout(&BindGroupLayoutDescriptor {
            label: Some("kernel"),
            entries: &[
                storage_entry(0, false, false),
                storage_entry(1, true, false),
                storage_entry(2, true, true),
            ],
        });
        let mut opened = Self {
            facts,
            device,
            queue,
            faults,
            layout,
            pipelines: HashMap::new(),
            times_copies: clocks.contains(wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS),
            failure,
            buffers: AtomicU64::new(0),
            copies: RwLock::new(()),
        };
        opened.build_pipelines()?;
        Ok(opened)
    }

    fn pipeline_layout(&self) -> wgpu::PipelineLayout {
        self.device.create_pipeline_layout(&PipelineLayoutDescriptor {
            label: Some("kernel"),
            bind_group_layouts: &[Some(&self.layout)],
            immediate_size: 0,
        })
    }

    /// A pipeline for a shader that is no kernel, with the same bindings.
    pub(super) fn single_pipeline(&self, name: &str, source: String) -> ComputePipeline {
        let module = compile(&self.device, name, source);
        pipeline(&self.device, &self.pipeline_layout(), &module, &[])
    }

    fn build_pipelines(&mut self) -> Result<(), GpuError> {
        let layout = self.pipeline_layout();
        for kernel in Kernel::ALL {
            let failed = |problem: String| GpuError::Shader { kernel: kernel.name(), problem };
            let source = self.faults.shader(kernel, kernel.source());
            let passes = Pass::ALL.into_iter().filter(|pass| pass.kernel() == kernel);
            let built = self.guarded(|device| {
                let module = compile(device, kernel.name(), source);
                passes
                    .map(|pass| (pass, pipeline(device, &layout, &module, pass.overrides())))
                    .collect::<Vec<_>>()
            });
            self.pipelines.extend(built.map_err(|e| failed(e.to_string()))?);
        }
        Ok(())
    }

    /// Runs `work` and waits for the errors that the driver reports of it.
    pub(super) fn guarded<T>(&self, work: impl FnOnce(&wgpu::Device) -> T) -> Result<T, GpuError> {
        let filters = [ErrorFilter::OutOfMemory, ErrorFilter::Internal, ErrorFilter::Validation];
        let scopes = filters.map(|filter| self.device.push_error_scope(filter));
        let made = work(&self.device);
        let mut error = None;
        for scope in scopes.into_iter().rev() {
            error = pollster::block_on(scope.pop()).or(error);
        }
        match error {
            None => self.healthy().map(|()| made),
            Some(error) => Err(as_gpu_error(error)),
        }
    }

    /// Ok while the device works; after that the first failure.
    pub fn healthy(&self) -> Result<(), GpuError> {
        self.failure.get().cloned().map_or(Ok(()), Err)
    }

    /// Buffers made so far.
    pub(super) fn buffers(&self) -> u64 {
        self.buffers.load(Relaxed)
    }

    /// Marks the device as failed. The first error stays.
    pub(super) fn fail(&self, error: GpuError) {
        self.failure.set(error).unwrap_or_default();
    }

    /// Waits until the device has completed all submissions up to `index`, or all of them. False after
    /// `timeout`.
    ///
    /// # Errors
    /// The device is lost.
    pub(super) fn wait(
        &self,
        index: Option<wgpu::SubmissionIndex>,
        timeout: Duration,
    ) -> Result<bool, GpuError> {
        let wait = wgpu::PollType::Wait { submission_index: index, timeout: Some(timeout) };
        let poll = || {
            if self.faults.at(Stage::Poll).is_some() {
                panic!("injected");
            }
            self.device.poll(wait)
        };
        // wgpu panics where the driver reports during the wait that the device was lost.
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(wgpu::PollError::Timeout)) => Ok(false),
            Ok(Err(e)) => Err(GpuError::Driver(one_line(&e.to_string()))),
            Err(_) => Err(self.healthy().err().unwrap_or(GpuError::Lost("while it was waited for".into()))),
        }
    }

    /// Keeps the staging buffers alive while a thread copies: the memory of a lost device is freed at once.
    ///
    /// # Errors
    /// The device has failed already, so the staging buffers may be gone.
    pub(super) fn copying(&self) -> Result<RwLockReadGuard<'_, ()>, GpuError> {
        let guard = self.copies.read().unwrap_or_else(|e| e.into_inner());
        self.healthy().map(|()| guard)
    }

    /// Waits until no thread copies any more. After a failure no thread begins to.
    pub(super) fn copies_done(&self) {
        drop(self.copies.write().unwrap_or_else(|e| e.into_inner()));
    }

    /// Destroys the device, for tests.
    pub(super) fn lose(&self) -> GpuError {
        let error = GpuError::Lost("injected".into());
        self.fail(error.clone());
        self.copies_done();
        self.device.destroy();
        error
    }

    /// Makes a buffer. One that the host writes is mapped from the start.
    pub(super) fn buffer(
        &self,
        label: &'static str,
        bytes: u64,
        usage: BufferUsages,
    ) -> Result<Buffer, GpuError> {
        if self.faults.at(Stage::Allocate) == Some(Fault::OutOfMemory) {
            return Err(GpuError::OutOfMemory("injected".into()));
        }
        let size = bytes.next_multiple_of(wgpu::COPY_BUFFER_ALIGNMENT).max(wgpu::COPY_BUFFER_ALIGNMENT);
        self.buffers.fetch_add(1, Relaxed);
        let mapped_at_creation = usage.contains(BufferUsages::MAP_WRITE);
        let descriptor = BufferDescriptor { label: Some(label), size, usage, mapped_at_creation };
        self.guarded(|device| device.create_buffer(&descriptor))
    }

    /// Binds planes, tables and jobs, the last at an offset given with each dispatch.
    pub(super) fn bind(&self, arena: &Buffer, tables: &Buffer, jobs: &Buffer) -> BindGroup {
        // A dispatch sees one window of the jobs buffer from its offset on, which must lie inside the buffer.
        let window = BufferBinding {
            buffer: jobs,
            offset: 0,
            size: std::num::NonZeroU64::new(JOB_WINDOW_BYTES as u64),
        };
        self.device.create_bind_group(&BindGroupDescriptor {
            label: Some("kernel"),
            layout: &self.layout,
            entries: &[
                BindGroupEntry { binding: 0, resource: arena.as_entire_binding() },
                BindGroupEntry { binding: 1, resource: tables.as_entire_binding() },
                BindGroupEntry { binding: 2, resource: BindingResource::Buffer(window) },
            ],
        })
    }

    /// Records dispatches in their order; each sees what those before it wrote.
    pub(super) fn record(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        bindings: &BindGroup,
        dispatches: &[Dispatch],
    ) {
        for dispatch in dispatches.iter().filter(|dispatch| dispatch.jobs > 0) {
            pass.set_pipeline(&self.pipelines[&dispatch.pass]);
            pass.set_bind_group(0, bindings, &[dispatch.jobs_offset]);
            pass.dispatch_workgroups(dispatch.groups.0, dispatch.groups.1, dispatch.jobs);
        }
    }
}

fn storage_entry(binding: u32, read_only: bool, has_dynamic_offset: bool) -> BindGroupLayoutEntry {
    BindGroupLayoutEntry {
        binding,
        visibility: ShaderStages::COMPUTE,
        ty: BindingType::Buffer {
            ty: BufferBindingType::Storage { read_only },
            has_dynamic_offset,
            min_binding_size: None,
        },
        count: None,
    }
}

fn compile(device: &wgpu::Device, name: &str, source: String) -> wgpu::ShaderModule {
    let desc = ShaderModuleDescriptor { label: Some(name), source: ShaderSource::Wgsl(source.into()) };
    let checks =
        wgpu::ShaderRuntimeChecks { force_loop_bounding: false, ..wgpu::ShaderRuntimeChecks::checked() };
    // SAFETY: the only check that is left out bounds loops; it costs a counter in the innermost ones. Every
    // loop of the shaders counts from one number to another by a positive constant, and the upper bounds are
    // constants, numbers of blocks and of workgroups in jobs, or numbers of groups in tables that `tables.rs`
    // made: none depends on samples or coefficients, which may only end a loop sooner. All accesses stay checked.
    #[allow(unsafe_code)]
    unsafe {
        device.create_shader_module_trusted(desc, checks)
    }
}

fn pipeline(
    device: &wgpu::Device,
    layout: &wgpu::PipelineLayout,
    module: &wgpu::ShaderModule,
    constants: &[(&str, f64)],
) -> ComputePipeline {
    device.create_compute_pipeline(&ComputePipelineDescriptor {
        label: None,
        layout: Some(layout),
        module,
        entry_point: Some("main"),
        // Workgroup memory is written before it is read, or multiplied by zero.
        compilation_options: PipelineCompilationOptions {
            constants,
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    })
}

fn as_gpu_error(error: wgpu::Error) -> GpuError {
    match error {
        wgpu::Error::OutOfMemory { source } => GpuError::OutOfMemory(one_line(&source.to_string())),
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
            GpuError::Driver(one_line(&description))
        }
    }
}

/// A report of many lines as one line, for the log.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
