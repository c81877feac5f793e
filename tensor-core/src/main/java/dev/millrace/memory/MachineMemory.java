package dev.millrace.memory;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** What there is to ask for: systems promise more, and kill whoever then uses it. */
public final class MachineMemory {
  private MachineMemory() {}

  /** Of the machine, or of the container that this runs in. */
  public static long bytes() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }
}
