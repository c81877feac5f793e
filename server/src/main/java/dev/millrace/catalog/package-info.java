/** From a model reference to an opened model: names, local files, downloads, synthetic models. */
@NullMarked
package dev.millrace.catalog;

import org.jspecify.annotations.NullMarked;
