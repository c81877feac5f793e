/**
 * What a model file is, whatever its format: metadata and named tensors. Formats (gguf, synthetic)
 * come in above.
 */
@NullMarked
package dev.millrace.model;

import org.jspecify.annotations.NullMarked;
