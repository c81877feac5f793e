/**
 * From a model reference to an opened model: names, local files, downloads, synthetic models. Uses
 * tensor-core's model, gguf and synthetic; knows nothing of engines or services.
 */
@NullMarked
package dev.millrace.catalog;

import org.jspecify.annotations.NullMarked;
