package dev.millrace.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What machine this is, for reports. */
public final class Machine {
  private static final Path LINUX_CPUS = Path.of("/proc/cpuinfo");

  private Machine() {}

  /** The CPU as it names itself; its architecture, where the system doesn't tell. */
  public static String cpu() {
    String architecture = System.getProperty("os.arch");
    try (Stream<String> lines = Files.lines(LINUX_CPUS)) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(architecture);
    } catch (IOException notLinux) {
      return architecture;
    }
  }
}
