/**
 * What the networks need done to numbers, behind one interface; one room below for each tier. No
 * policy.
 */
@NullMarked
package dev.millrace.kernel;

import org.jspecify.annotations.NullMarked;
