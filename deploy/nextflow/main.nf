// Every slide of a folder to a bundle:  nextflow run main.nf --slides 'SLIDES/*.svs' --out OUT
// Untried: no Nextflow has run this file.
params.slides = null
params.out = 'bundles'
params.flags = ''

process encode {
    publishDir params.out, mode: 'copy'
    cpus 4
    errorStrategy 'retry'
    maxRetries 2

    input:
    path slide

    output:
    path "${slide.baseName}/residual_packs/residuals.bundle"

    script:
    "origami encode '${slide}' --out '${slide.baseName}' --quiet --threads ${task.cpus} ${params.flags}"
}

workflow {
    channel.fromPath(params.slides, checkIfExists: true) | encode
}
