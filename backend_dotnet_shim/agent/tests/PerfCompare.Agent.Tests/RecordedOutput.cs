using System.Text.Json;
using System.Threading.Channels;

namespace PerfCompare.Agent.Tests;

/// <summary>Takes what the agent writes, one message per write.</summary>
internal sealed class RecordedOutput : MemoryStream
{
    private readonly Channel<JsonElement> _messages = Channel.CreateUnbounded<JsonElement>();

    public ValueTask<JsonElement> NextAsync(CancellationToken cancellationToken) =>
        _messages.Reader.ReadAsync(cancellationToken);

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Assert.Equal((byte)'\n', buffer[^1]);
        Assert.DoesNotContain((byte)'\n', buffer[..^1].ToArray());
        _messages.Writer.TryWrite(JsonElement.Parse(buffer));
    }
}
