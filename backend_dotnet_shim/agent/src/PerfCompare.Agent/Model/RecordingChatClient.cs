using System.Diagnostics;
using Microsoft.Extensions.AI;

namespace PerfCompare.Agent.Model;

/// <summary>Marks where a model call begins and ends for the framework.</summary>
internal sealed class RecordingChatClient(IChatClient inner) : DelegatingChatClient(inner)
{
    public override async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        var exchange = IterationRecorder.Current?.Begin();
        if (exchange is null)
        {
            return await base.GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
        }

        exchange.CallStart = Stopwatch.GetTimestamp();
        try
        {
            return await base.GetResponseAsync(messages, options, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            exchange.CallEnd = Stopwatch.GetTimestamp();
        }
    }
}
