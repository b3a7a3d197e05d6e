using System.Text;
using PerfCompare.Agent.Protocol;

namespace PerfCompare.Agent.Tests;

public sealed class LineReaderTests
{
    [Theory]
    [InlineData("a\nb\n", "a", "b")]
    [InlineData("a\r\nb\r\n", "a", "b")]
    [InlineData("\uFEFFa\nb\n", "a", "b")]
    [InlineData("\n\n", "", "")]
    [InlineData("a\nunfinished", "a")]
    [InlineData("")]
    public void Lines_are_cut_at_line_feeds(string input, params string[] expected)
    {
        Assert.Equal(expected, ReadAll(new MemoryStream(Encoding.UTF8.GetBytes(input))));
    }

    [Fact]
    public void A_line_may_arrive_byte_by_byte()
    {
        Assert.Equal(["ab", "c"], ReadAll(new Trickle(Encoding.UTF8.GetBytes("\uFEFFab\r\nc\n"))));
    }

    [Fact]
    public void The_longest_line_passes_and_one_more_byte_does_not()
    {
        var line = new byte[LineReader.MaxLineBytes + 1];
        line.AsSpan().Fill((byte)'x');
        line[^1] = (byte)'\n';

        Assert.Equal(LineReader.MaxLineBytes, new LineReader(new MemoryStream(line)).ReadLine()!.Length);

        byte[] longer = [(byte)'x', .. line];
        Assert.Throws<LineTooLongException>(() => new LineReader(new MemoryStream(longer)).ReadLine());
    }

    [Fact]
    public void A_line_without_an_end_does_not_fill_the_memory()
    {
        Assert.Throws<LineTooLongException>(() => new LineReader(new Endless()).ReadLine());
    }

    private static List<string> ReadAll(Stream input)
    {
        var reader = new LineReader(input);
        var lines = new List<string>();
        while (reader.ReadLine() is { } line)
        {
            lines.Add(Encoding.UTF8.GetString(line));
        }

        return lines;
    }

    private sealed class Trickle(byte[] content) : MemoryStream(content)
    {
        public override int Read(byte[] buffer, int offset, int count) =>
            base.Read(buffer, offset, Math.Min(count, 1));
    }

    private sealed class Endless : MemoryStream
    {
        public override int Read(byte[] buffer, int offset, int count)
        {
            buffer.AsSpan(offset, count).Fill((byte)'x');
            return count;
        }
    }
}
