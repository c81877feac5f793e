package dev.millrace.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;

/**
 * Where a command reads and writes: results to out, all else to err; both in UTF-8, whatever the
 * locale.
 *
 * @param palette of what goes to err; asked for only once something is told there
 */
record Streams(InputStream in, OutputStream out, PrintStream err, Supplier<Palette> palette) {
  /** Unbuffered, and unlike System.out it says when writing fails. */
  static Streams ofProcess() {
    return new Streams(
        System.in,
        new FileOutputStream(FileDescriptor.out),
        new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8),
        Palette::ofStandardError);
  }

  void print(String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.UTF_8));
    out.flush();
  }
}
