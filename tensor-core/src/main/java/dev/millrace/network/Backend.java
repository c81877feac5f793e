package dev.millrace.network;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;

/** Who computes: the kernels, and the threads that share a kernel's work. */
record Backend(Kernels kernels, Team team) {}
