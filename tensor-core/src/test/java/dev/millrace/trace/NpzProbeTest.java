package dev.millrace.trace;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Dim.Tokens;
import dev.millrace.tensor.Matrix;
import dev.millrace.tensor.Size;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.Test;

class NpzProbeTest {
  @Test
  void writesWantedTensorsInOrderAsNumPyReadsThem() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (Arena arena = Arena.ofConfined();
        NpzProbe probe = new NpzProbe(bytes, name -> name.startsWith("blk.3."))) {
      Matrix<Tokens, Hidden> matrix = Matrix.allocate(arena, new Size<>(2), new Size<>(3));
      matrix.set(0, 1, 1.5f);
      matrix.set(1, 2, -2);
      probe.see("token_embd", matrix);
      probe.within("blk.3.").see("attn_norm", matrix);
      probe.within("blk.3.").see("attn", matrix);
    }

    ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(bytes.toByteArray()));
    assertThat(zip.getNextEntry().getName()).isEqualTo("blk.3.attn_norm.npy");
    ByteBuffer file = ByteBuffer.wrap(zip.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
    // https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    assertThat(file.getLong()).isEqualTo(0x0001_5950_4D55_4E93L);
    byte[] header = new byte[file.getShort()];
    file.get(header);
    assertThat(file.position() % 64).isZero();
    assertThat(new String(header, StandardCharsets.US_ASCII))
        .matches("\\{'descr': '<f4', 'fortran_order': False, 'shape': \\(2, 3\\), } *\n");
    float[] values = new float[6];
    file.asFloatBuffer().get(values);
    assertThat(values).containsExactly(0, 1.5f, 0, 0, 0, -2);
    assertThat(file.remaining()).isEqualTo(24);
    assertThat(zip.getNextEntry().getName()).isEqualTo("blk.3.attn.npy");
    assertThat(zip.getNextEntry()).isNull();
  }
}
