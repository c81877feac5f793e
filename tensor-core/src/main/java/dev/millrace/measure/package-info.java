/**
 * Measures networks in this process, without a server: what steps cost against what the machine can
 * do, where their time goes, how well a model predicts a text.
 */
@NullMarked
package dev.millrace.measure;

import org.jspecify.annotations.NullMarked;
